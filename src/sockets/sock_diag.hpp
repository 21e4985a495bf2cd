// SPDX-License-Identifier: MIT
// The kernel's lists of TCP and UDP sockets by sock_diag(7): the messages made and taken apart (pure), and dumps that
// have dealt with what can go wrong in one: busy, overrun, disturbed, refused.
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

/// `payload` is what follows the netlink header. Null if it is cut short or of an unknown family.
/// `protocol` is what was asked for; a destroy event names its own in INET_DIAG_PROTOCOL.
std::optional<Socket> parse_diag(std::span<const std::byte> payload, Protocol protocol);

/// A copy of struct tcp_info may be shorter on an older kernel or longer on a newer one. Null if it ends before
/// bytes_acked and its neighbours (before Linux 4.9).
std::optional<TcpCounters> parse_tcp_info(std::span<const std::byte> info);

enum class DiagDetail : std::uint8_t { sockets, tcp_info };

/// Bit n is state n.
constexpr std::uint32_t state_bit(TcpState state) { return 1U << static_cast<unsigned>(state); }
/// All but LISTEN, TIME_WAIT, CLOSE and request sockets.
constexpr std::uint32_t connected_states = state_bit(TcpState::established) | state_bit(TcpState::syn_sent) |
                                           state_bit(TcpState::syn_recv) | state_bit(TcpState::fin_wait1) |
                                           state_bit(TcpState::fin_wait2) | state_bit(TcpState::close_wait) |
                                           state_bit(TcpState::last_ack) | state_bit(TcpState::closing);
/// TIME_WAIT too, but not TCP_BOUND_INACTIVE, which neither ss(8) nor /proc/net lists.
constexpr std::uint32_t all_states = (1U << 13U) - 1;

/// Both families of TCP in one walk of the kernel's hash (the walk of a large empty table costs milliseconds).
std::vector<std::byte> tcp_dump_request(std::uint32_t states, DiagDetail detail);
std::vector<std::byte> udp_dump_request(Family family);
/// One socket, by its tuple and cookie: no walk. The reply is one message or an error. AF_INET finds a v6 socket with
/// mapped addresses as well (__inet_lookup_established() sees both).
std::vector<std::byte> tcp_lookup_request(const Tuple& tuple, Cookie cookie, std::uint32_t interface);

/// Whether the same dump had shown the socket before.
enum class DumpRow : std::uint8_t { fresh, repeated };

/// Lists sockets of the network namespace in which it was constructed, from any thread.
class Dumper {
public:
    explicit Dumper(Trace trace) : trace_(trace) {}

    using Take = std::function<DumpRow(const Socket&)>;
    enum class Outcome : std::uint8_t {
        clean,
        disturbed, // sockets came and went under every dump: one that none of them showed is possible
        refused,   // the kernel gave an error
    };

    /// TCP with counters, listeners included, into `take`; again while a dump was disturbed, a few times. `begin` is
    /// called before each dump. Sockets that only some of the dumps show are all taken. Nothing is asked if there
    /// are none. Throws std::system_error if the kernel refuses.
    struct Dumped {
        Outcome outcome = Outcome::clean;
        std::chrono::steady_clock::time_point begun; // of the first dump, which shows most sockets
        std::chrono::steady_clock::time_point ended;
    };
    Dumped tcp(const std::function<void()>& begin, const Take& take);
    /// TCP sockets of these states once; cheaper without counters.
    Outcome tcp_once(const std::function<void(const Socket&)>& take, DiagDetail detail = DiagDetail::sockets,
                     std::uint32_t states = connected_states | state_bit(TcpState::listen));
    /// False if the kernel does not list UDP sockets (no udp_diag).
    bool udp(const std::function<void(const Socket&)>& take);
    /// Returns a TCP socket by tuple and cookie; null if it does not exist.
    std::optional<Socket> lookup(const Flow& flow);

    /// Returns the number of TCP sockets; null if the kernel does not show it.
    std::optional<std::size_t> tcp_in_use() const { return in_use_.read(); }

    /// Messages that were cut short or made no sense.
    std::uint64_t garbled() const { return garbled_; }

private:
    void renew();
    /// Repeats a request until the kernel was neither busy nor overrun. The errno of the last try, or 0.
    int ask(std::span<std::byte> request, Protocol protocol, const std::function<void(const Socket&)>& take);

    NetlinkSocket socket_{NetlinkSocket::Mode::blocking};
    std::uint64_t netns_ = netns_of_thread(); // namespace of the socket, to open a new one there
    TcpInUse in_use_;
    std::uint64_t garbled_ = 0;
    Trace trace_;
};

} // namespace socktally
