// SPDX-License-Identifier: MIT
// Parses (pure) and reads the lists of sockets in /proc/net, and its number of TCP sockets.
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

/// Returns the number of TCP sockets in use and in TIME_WAIT from /proc/net/sockstat (`TCP: inuse 5 orphan 0 tw 3 …`)
/// or sockstat6 (`TCP6: inuse 2`); 0 if the text does not have it.
std::size_t parse_tcp_in_use(std::string_view text);

/// Reads from two small files whether a network namespace has TCP sockets. All namespaces share one hash of
/// connections, so listing the sockets of one namespace walks through all of them. A namespace without sockets need not
/// be listed.
class TcpInUse {
public:
    /// `directory` is /proc/…/net of the calling thread or of another process. Once constructed, it can be read from
    /// any namespace.
    explicit TcpInUse(const std::string& directory = "/proc/thread-self/net");
    /// Returns the number for both families, as a hint, because sockets come and go. Returns null if it cannot be read.
    std::optional<std::size_t> read() const;

private:
    Fd v4_;
    Fd v6_; // absent if IPv6 is off
};

/// Parses a line of /proc/net/{tcp,udp,udplite,raw,icmp}, or of the IPv6 file such as tcp6 (proc_net(5)). Returns null
/// for the heading and for a line that is cut short. Ports are the kernel's: the local port of a raw socket is its
/// protocol number. A raw socket for ICMP becomes Protocol::icmp.
/// The kernel prints an address as 32-bit words in the byte order of the machine, so the bytes of the words in memory
/// are those of the address.
std::optional<Socket> parse_inet_socket(std::string_view line, Protocol protocol);

/// Parses a line of /proc/net/packet in the same way.
std::optional<Socket> parse_packet_socket(std::string_view line);

/// Parses a line of /proc/net/sctp/eps (net/sctp/proc.c). Each endpoint is a socket.
std::optional<Socket> parse_sctp_socket(std::string_view line);

struct ProcSockets {
    std::vector<Socket> sockets; // listeners and TIME_WAIT too
    std::size_t garbled = 0;     // invalid lines
    bool missing = false;        // none of the lists could be read
};

/// The directory in which the calling thread sees the lists of its network namespace.
inline constexpr const char* current_lists = "/proc/thread-self/net";

/// `uncounted`: all protocols except TCP and UDP.
enum class ProcLists : std::uint8_t { tcp_and_udp, uncounted, all };

/// The lists of one network namespace. They are kept open, so they can be read from any other namespace.
class ProcSocketFiles {
public:
    explicit ProcSocketFiles(ProcLists lists, const std::string& directory = current_lists);
    bool is_empty() const { return files_.empty(); }
    static constexpr std::size_t files = 14; // the most files that it keeps open: twelve lists, sockstat, sockstat6
    ProcSockets read() const;

private:
    struct File {
        Fd fd;
        Protocol protocol;
    };
    std::vector<File> files_;
    TcpInUse tcp_in_use_;
};

/// Reads the lists once. `directory` is current_lists, or that of another process: "/proc/123/net".
ProcSockets read_proc_sockets(ProcLists lists, const std::string& directory = current_lists);

} // namespace socktally
