// SPDX-License-Identifier: MIT
// Lists TCP and UDP sockets by sock_diag(7): makes and parses the messages (pure), and repeats a dump if the kernel was
// busy, dropped messages, or changed the sockets under it.
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

/// Parses a message; `payload` follows the netlink header. Returns null if it is cut short or of an unknown family.
/// `protocol` is the one that was asked for; a destroy event names its own in INET_DIAG_PROTOCOL.
std::optional<Socket> parse_diag(std::span<const std::byte> payload, Protocol protocol);

/// Parses struct tcp_info, which is shorter on older kernels and longer on newer ones. Returns null if it ends before
/// bytes_acked and its neighbours (before Linux 4.9).
std::optional<TcpCounters> parse_tcp_info(std::span<const std::byte> info);

enum class DiagDetail : std::uint8_t { sockets, tcp_info };

/// Returns the bit of a state in idiag_states: bit n is state n.
constexpr std::uint32_t state_bit(TcpState state) { return 1U << static_cast<unsigned>(state); }
/// All states but LISTEN, TIME_WAIT, CLOSE and request sockets.
constexpr std::uint32_t connected_states = state_bit(TcpState::established) | state_bit(TcpState::syn_sent) |
                                           state_bit(TcpState::syn_recv) | state_bit(TcpState::fin_wait1) |
                                           state_bit(TcpState::fin_wait2) | state_bit(TcpState::close_wait) |
                                           state_bit(TcpState::last_ack) | state_bit(TcpState::closing);
/// All states with TIME_WAIT, but without TCP_BOUND_INACTIVE, which ss(8) and /proc/net do not list either.
constexpr std::uint32_t all_states = (1U << 13U) - 1;

/// Asks for TCP sockets of both families in one walk of the kernel's hash. (Walking a large empty hash takes
/// milliseconds.)
std::vector<std::byte> tcp_dump_request(std::uint32_t states, DiagDetail detail);
std::vector<std::byte> udp_dump_request(Family family);
/// Asks for one socket by its tuple and cookie, without a walk. The reply is one message or an error. AF_INET also
/// finds a v6 socket with mapped addresses (__inet_lookup_established() sees both).
std::vector<std::byte> tcp_lookup_request(const Tuple& tuple, Cookie cookie, std::uint32_t interface);

/// Whether the same dump has listed the socket before.
enum class DumpRow : std::uint8_t { fresh, repeated };

/// Lists sockets of the network namespace in which it was constructed, from any thread.
class Dumper {
public:
    explicit Dumper(Trace trace) : trace_(trace) {}

    using Take = std::function<DumpRow(const Socket&)>;
    enum class Outcome : std::uint8_t {
        clean,
        disturbed, // sockets came and went during every dump, so all dumps may have missed one
        refused,   // the kernel returned an error
    };

    /// Dumps TCP sockets with counters, listeners included, into `take`; calls `begin` before each dump. Repeats a
    /// disturbed dump a few times, and takes sockets that only some of the dumps list too. Asks for nothing if the
    /// namespace has no TCP sockets. Throws std::system_error if the kernel refuses.
    struct Dumped {
        Outcome outcome = Outcome::clean;
        std::chrono::steady_clock::time_point begun; // start of the first dump, which lists most sockets
        std::chrono::steady_clock::time_point ended;
    };
    Dumped tcp(const std::function<void()>& begin, const Take& take);
    /// Dumps TCP sockets of these states once, by default without counters, which is cheaper.
    Outcome tcp_once(const std::function<void(const Socket&)>& take, DiagDetail detail = DiagDetail::sockets,
                     std::uint32_t states = connected_states | state_bit(TcpState::listen));
    /// Dumps UDP sockets. Returns false if the kernel cannot list them (no udp_diag).
    bool udp(const std::function<void(const Socket&)>& take);
    /// Returns a TCP socket by tuple and cookie; null if it does not exist.
    std::optional<Socket> lookup(const Flow& flow);

    /// Returns the number of TCP sockets; null if the kernel does not show it.
    std::optional<std::size_t> tcp_in_use() const { return in_use_.read(); }

    /// Returns the number of messages that were cut short or invalid.
    std::uint64_t garbled() const { return garbled_; }

private:
    void renew();
    /// Sends a request, and repeats it while the kernel is busy or drops messages. Returns the errno of the last try,
    /// or 0.
    int ask(std::span<std::byte> request, Protocol protocol, const std::function<void(const Socket&)>& take);

    NetlinkSocket socket_{NetlinkSocket::Mode::blocking};
    std::uint64_t netns_ = netns_of_thread(); // namespace of socket_, in which renew() opens the next one
    TcpInUse in_use_;
    std::uint64_t garbled_ = 0;
    Trace trace_;
};

} // namespace socktally
