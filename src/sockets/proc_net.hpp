// SPDX-License-Identifier: MIT
// The lists of sockets in /proc/net, and how many TCP sockets it counts: parsed (pure) and read.
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

/// The number of TCP sockets in use and in TIME_WAIT, of /proc/net/sockstat (`TCP: inuse 5 orphan 0 tw 3 …`) or
/// sockstat6 (`TCP6: inuse 2`); 0 if it is not said.
std::size_t parse_tcp_in_use(std::string_view text);

/// Reads from two small files whether a network namespace has TCP sockets. The kernel has one hash of connections for
/// all namespaces, so listing those of one means walking them all: not worth it if there are none.
class TcpInUse {
public:
    /// `directory` is where the calling thread, or another process, sees its network namespace; works from anywhere
    /// afterwards.
    explicit TcpInUse(const std::string& directory = "/proc/thread-self/net");
    /// Returns the number for both families; a hint, because sockets come and go. Null if it cannot be read.
    std::optional<std::size_t> read() const;

private:
    Fd v4_;
    Fd v6_; // absent if IPv6 is off
};

/// One line of /proc/net/{tcp,udp,udplite,raw,icmp} or of its fellow that ends in 6 (proc_net(5)); null for the heading
/// and for what is cut short. Ports are as the kernel has them: of a raw socket the local one is its protocol number,
/// and a raw socket for ICMP is Protocol::icmp.
/// An address is printed as 32-bit words in the byte order of the machine, so the words' bytes are those of the
/// address, wherever it runs.
std::optional<Socket> parse_inet_socket(std::string_view line, Protocol protocol);

/// One line of /proc/net/packet, likewise.
std::optional<Socket> parse_packet_socket(std::string_view line);

/// One line of /proc/net/sctp/eps (net/sctp/proc.c): an endpoint is a socket.
std::optional<Socket> parse_sctp_socket(std::string_view line);

struct ProcSockets {
    std::vector<Socket> sockets; // listening ones and those in TIME_WAIT too
    std::size_t garbled = 0;     // lines that made no sense
    bool missing = false;        // not one of the lists could be read
};

/// Where the calling thread sees the lists of the network namespace that it is in.
inline constexpr const char* current_lists = "/proc/thread-self/net";

/// `uncounted`: all protocols except TCP and UDP.
enum class ProcLists : std::uint8_t { tcp_and_udp, uncounted, all };

/// The lists of one network namespace, kept open: they can be read from any other namespace.
class ProcSocketFiles {
public:
    explicit ProcSocketFiles(ProcLists lists, const std::string& directory = current_lists);
    bool is_empty() const { return files_.empty(); }
    static constexpr std::size_t files = 13; // that it has open, at most
    ProcSockets read() const;

private:
    struct File {
        Fd fd;
        Protocol protocol;
    };
    std::vector<File> files_;
    TcpInUse tcp_in_use_;
};

/// Once; `directory` is current_lists or that of another process: "/proc/123/net".
ProcSockets read_proc_sockets(ProcLists lists, const std::string& directory = current_lists);

} // namespace socktally
