// SPDX-License-Identifier: MIT
#include "sockets/tcp_state.hpp"

namespace socktally {

bool peer_has_closed(TcpState state)
{
    return state == TcpState::close_wait || state == TcpState::last_ack || state == TcpState::closing;
}

bool is_closing(TcpState state)
{
    return state == TcpState::fin_wait1 || state == TcpState::fin_wait2 || state == TcpState::closing ||
           state == TcpState::last_ack;
}

SocketState socket_state(TcpState state, Inode inode)
{
    if (state == TcpState::close) {
        return SocketState::closed;
    }
    if (state == TcpState::time_wait) {
        return SocketState::time_wait;
    }
    return inode == Inode{} && is_closing(state) ? SocketState::orphaned : SocketState::open;
}

} // namespace socktally
