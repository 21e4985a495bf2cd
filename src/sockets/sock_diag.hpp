// SPDX-License-Identifier: MIT
// Lists TCP and UDP sockets through sock_diag(7). The functions that make requests and parse messages are pure. Class
// Dumper repeats a dump if the kernel was busy or dropped messages, or if sockets changed during the dump.
#pragma once

#include "linux/netlink_socket.hpp"
#include "linux/netns.hpp"
#include "linux/trace.hpp"
#include "model/flow.hpp"
#include "sockets/proc_net.hpp"
#include "sockets/socket.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace socktally {

/// Parses a message of sock_diag. `payload` is the part after the netlink header. `protocol` is the protocol that was
/// requested. A destroy event names its protocol in INET_DIAG_PROTOCOL, which is then used instead. Returns null if the
/// message is cut short, or if its address family or protocol is unknown.
std::optional<Socket> parse_diag(std::span<const std::byte> payload, Protocol protocol);

/// Parses struct tcp_info, which is shorter on older kernels and longer on newer ones. Returns null before Linux 4.6,
/// where the struct ends before notsent_bytes or data_segs_in.
std::optional<TcpCounters> parse_tcp_info(std::span<const std::byte> info);

enum class DiagDetail : std::uint8_t { sockets, tcp_info };

/// Returns the bit of a state in idiag_states. Bit n stands for state n.
constexpr std::uint32_t state_bit(TcpState state) { return 1U << static_cast<unsigned>(state); }
/// All states except LISTEN, TIME_WAIT, CLOSE and the state of request sockets.
constexpr std::uint32_t connected_states = state_bit(TcpState::established) | state_bit(TcpState::syn_sent) |
                                           state_bit(TcpState::syn_recv) | state_bit(TcpState::fin_wait1) |
                                           state_bit(TcpState::fin_wait2) | state_bit(TcpState::close_wait) |
                                           state_bit(TcpState::last_ack) | state_bit(TcpState::closing);
/// All states, including TIME_WAIT. TCP_BOUND_INACTIVE is left out, because ss(8) and /proc/net do not list it either.
constexpr std::uint32_t all_states = (1U << 13U) - 1;

/// Returns a request for the TCP sockets of both families. The kernel answers it in one walk through its hash table. A
/// walk through a large table takes milliseconds, even if the table is empty.
std::vector<std::byte> tcp_dump_request(std::uint32_t states, DiagDetail detail);
std::vector<std::byte> udp_dump_request(Family family);
/// Returns a request for one socket. The kernel finds it by tuple and cookie, without a walk through its hash table.
/// The reply is one message or an error. A v4 tuple also finds a v6 socket with mapped addresses
/// (__inet_lookup_established()).
std::vector<std::byte> tcp_lookup_request(const Tuple& tuple, Cookie cookie, std::uint32_t interface);

/// Whether a dump lists a socket for the first time or again.
enum class DumpRow : std::uint8_t { fresh, repeated };

/// Lists the sockets of the network namespace in which the Dumper was constructed. The calling thread may be in another
/// namespace.
class Dumper {
public:
    explicit Dumper(Trace trace) : trace_(trace) {}

    using Take = std::function<DumpRow(const Socket&)>;
    enum class Outcome : std::uint8_t {
        clean,
        disturbed, // sockets came and went during every dump, so some may be missing
        refused,   // the kernel returned an error
    };

    struct Dumped {
        Outcome outcome = Outcome::clean;
        std::chrono::steady_clock::time_point begun; // start of the first dump, which lists most sockets
        std::chrono::steady_clock::time_point ended;
    };
    /// Passes each TCP socket with its counters to `take`, listeners included. Calls `begin` before each dump. If
    /// sockets changed during a dump, makes another one, up to five in all. `take` gets the sockets of all these dumps.
    /// If the namespace has no TCP sockets, makes no dump. Throws std::system_error if the kernel refuses.
    Dumped tcp(const std::function<void()>& begin, const Take& take);
    /// Dumps the TCP sockets in `states` once. By default the sockets have no counters, which is cheaper.
    Outcome tcp_once(const std::function<void(const Socket&)>& take, DiagDetail detail = DiagDetail::sockets,
                     std::uint32_t states = connected_states | state_bit(TcpState::listen));
    /// Dumps the UDP sockets. Returns false if the kernel cannot list them (no udp_diag).
    bool udp(const std::function<void(const Socket&)>& take);
    /// Returns the TCP socket with the tuple and the cookie of the flow; null if it does not exist.
    std::optional<Socket> lookup(const Flow& flow);

    /// Returns the number of TCP sockets in the namespace; null if the kernel does not show it.
    std::optional<std::size_t> tcp_in_use() const { return in_use_.read(); }

    /// Returns the number of messages that were cut short or invalid.
    std::uint64_t garbled() const { return garbled_; }

private:
    void renew();
    /// Sends a request, and passes the sockets in the reply to `take`. Repeats the request if the kernel is busy or
    /// drops messages. Returns the errno of the last try, or 0.
    int ask(std::span<std::byte> request, Protocol protocol, const std::function<void(const Socket&)>& take);

    NetlinkSocket socket_{NetlinkSocket::Mode::blocking};
    std::uint64_t netns_ = netns_of_thread(); // namespace of socket_, and of the socket that renew() opens
    TcpInUse in_use_;
    std::uint64_t garbled_ = 0;
    Trace trace_;
};

} // namespace socktally
