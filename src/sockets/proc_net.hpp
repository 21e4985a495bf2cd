// SPDX-License-Identifier: MIT
// Reads and parses the lists of sockets in /proc/net, and the kernel's count of TCP sockets. The parsers are pure.
#pragma once

#include "linux/fd.hpp"
#include "sockets/socket.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Returns the number of TCP sockets in use and in TIME_WAIT. `text` is the content of /proc/net/sockstat (`TCP: inuse
/// 5 orphan 0 tw 3 …`) or of sockstat6 (`TCP6: inuse 2`). Returns 0 if the text has no such line.
std::size_t parse_tcp_in_use(std::string_view text);

/// Reads from two small files how many TCP sockets a network namespace has. The kernel keeps the connections of all
/// namespaces in one hash table, and walks through the whole table to list those of one namespace. A backend skips this
/// walk if the namespace has no TCP sockets.
class TcpInUse {
public:
    /// `directory` is /proc/…/net of the calling thread or of another process. The constructor opens the files, so
    /// read() works in any namespace.
    explicit TcpInUse(const std::string& directory = "/proc/thread-self/net");
    /// Returns the number of TCP sockets, IPv4 and IPv6 together; null if it cannot be read. The number is only a hint,
    /// because sockets come and go.
    std::optional<std::size_t> read() const;

private:
    Fd v4_;
    Fd v6_; // no file if IPv6 is off
};

/// Parses a line of /proc/net/{tcp,udp,udplite,raw,icmp}, or of an IPv6 file such as tcp6 (proc_net(5)). Returns null
/// for the heading and for a line that is cut short. Ports are as the kernel prints them: the local port of a raw
/// socket is its protocol number. A raw socket for ICMP becomes Protocol::icmp.
/// The kernel prints an address as 32-bit words in the byte order of the machine. Each word is parsed as a number,
/// whose bytes in memory are then in network order.
std::optional<Socket> parse_inet_socket(std::string_view line, Protocol protocol);

/// Parses a line of /proc/net/packet. Returns null for the heading and for a line that is cut short.
std::optional<Socket> parse_packet_socket(std::string_view line);

/// Parses a line of /proc/net/sctp/eps (net/sctp/proc.c). The line describes an endpoint, which is a socket.
std::optional<Socket> parse_sctp_socket(std::string_view line);

struct ProcSockets {
    std::vector<Socket> sockets; // includes listeners and sockets in TIME_WAIT
    std::size_t garbled = 0;     // invalid lines
    bool missing = false;        // none of the lists could be read
};

/// The directory with the socket lists of the calling thread's network namespace.
inline constexpr const char* current_lists = "/proc/thread-self/net";

/// Which lists are read. `uncounted` means the lists of all protocols except TCP and UDP.
enum class ProcLists : std::uint8_t { tcp_and_udp, uncounted, all };

/// The lists of one network namespace. The files stay open, so read() works in any namespace.
class ProcSocketFiles {
public:
    explicit ProcSocketFiles(ProcLists lists, const std::string& directory = current_lists);
    bool is_empty() const { return files_.empty(); }
    static constexpr std::size_t files = 14; // the most open files: twelve lists, sockstat, sockstat6
    ProcSockets read() const;

private:
    struct File {
        Fd fd;
        Protocol protocol;
    };
    std::vector<File> files_;
    TcpInUse tcp_in_use_;
};

/// Reads the lists once. `directory` is current_lists, or a directory of another process such as "/proc/123/net".
ProcSockets read_proc_sockets(ProcLists lists, const std::string& directory = current_lists);

} // namespace socktally
