// SPDX-License-Identifier: MIT
// The inet_diag messages: requests made, replies and destroy events taken apart (linux/inet_diag.h, sock_diag(7)).
// Pure.
#pragma once

#include "model/flow.hpp"
#include "sockets/tcp_payload.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace socktally {

/// One socket as a dump or a destroy event shows it.
struct DiagSocket {
    Tuple tuple;
    Cookie cookie;
    Inode inode;
    Uid uid;
    std::uint64_t cgroup_id = 0; // as Flow::cgroup_id; not in destroy events, nor before Linux 5.8
    std::uint32_t interface = 0; // index of the device that it is bound to, or 0
    bool v6_only = false;        // IPV6_V6ONLY, of one that listens or is not connected
    TcpState state = TcpState::close;
    std::uint32_t rqueue = 0;
    std::uint32_t wqueue = 0;
    std::optional<std::uint32_t> drops; // datagrams that found the receive buffer full or were bad (SK_MEMINFO_DROPS)
    std::optional<TcpCounters> tcp; // absent: not asked for, not TCP, or a TIME_WAIT or request socket, which have none
};

/// `payload` is what follows the netlink header. Null where it is cut short or of no family known.
/// `protocol` is what was asked for; a destroy event names its own in INET_DIAG_PROTOCOL.
std::optional<DiagSocket> parse_diag(std::span<const std::byte> payload, Protocol protocol);

/// A copy of struct tcp_info may be shorter on an older kernel or longer on a newer one. Null where it ends before
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

/// Both families of TCP in one walk of the kernel's hash (the walk of a large empty table costs milliseconds).
std::vector<std::byte> tcp_dump_request(std::uint32_t states, DiagDetail detail);
std::vector<std::byte> udp_dump_request(Family family);
/// One socket, by its tuple and cookie: no walk. The reply is one message or an error. AF_INET finds a v6 socket with
/// mapped addresses as well (__inet_lookup_established() sees both).
std::vector<std::byte> tcp_lookup_request(const Tuple& tuple, Cookie cookie, std::uint32_t interface);

/// Whether the same dump had shown the socket before.
enum class DumpRow : std::uint8_t { fresh, repeated };

} // namespace socktally
