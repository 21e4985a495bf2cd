// SPDX-License-Identifier: MIT
// The TCP states, and what they say of a socket that attribution has to know. Pure.
#pragma once

#include "model/flow.hpp"

#include <cstdint>

namespace socktally {

/// As inet_diag and struct sock have them (include/net/tcp_states.h).
enum class TcpState : std::uint8_t {
    established = 1,
    syn_sent = 2,
    syn_recv = 3,
    fin_wait1 = 4,
    fin_wait2 = 5,
    time_wait = 6,
    close = 7, // also: destroyed
    close_wait = 8,
    last_ack = 9,
    listen = 10,
    closing = 11,
};

/// The peer's FIN has come. It stands in the receive queue until it is read as end of file.
bool peer_has_closed(TcpState state);

/// This end has sent its FIN, or has it in its queue.
bool is_closing(TcpState state);

SocketState socket_state(TcpState state, Inode inode);

} // namespace socktally
