// SPDX-License-Identifier: MIT
// A socket as a list of the kernel shows it (sock_diag or /proc/net), for backends that match traffic to sockets. Plain
// data.
#pragma once

#include "model/flow.hpp"
#include "sockets/tcp_payload.hpp"

#include <cstdint>
#include <optional>

namespace socktally {

struct ListedSocket {
    Tuple tuple;                  // unconnected: no remote port; bound to no address: an unspecified local one
    Family family = Family::none; // of the socket itself: one of v6 may have v4 addresses
    bool v6_only = false;         // IPV6_V6ONLY; /proc/net does not tell, and most sockets are not
    bool listening = false;       // TCP that accepts
    std::uint32_t interface = 0;  // index of the device that it is bound to, or 0; /proc/net does not tell
    Cookie cookie;                // none in /proc/net
    Inode inode;
    std::optional<Uid> uid;
    std::uint64_t cgroup_id = 0; // as Flow::cgroup_id; /proc/net does not tell
    SocketState state = SocketState::open;
    std::uint32_t queued = 0; // waits to be read: bytes of TCP; of UDP the memory of datagrams, more than their payload
    std::optional<std::uint32_t> unsent; // of TCP: bytes written that are not on the wire yet
    std::optional<TcpPayload> payload;   // of TCP, since it was opened; only where the list has counters
    std::optional<std::uint32_t> drops;  // of UDP: datagrams that it did not take, since it was opened
};

/// The flow of a socket of which no more is known than the list tells: its bytes and packets are null.
Flow flow_of(const ListedSocket& socket);

} // namespace socktally
