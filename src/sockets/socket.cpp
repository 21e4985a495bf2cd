// SPDX-License-Identifier: MIT
#include "sockets/socket.hpp"

#include "sockets/tcp_bytes.hpp"

namespace socktally {

SocketState state_of(const Socket& socket)
{
    if (socket.tuple.protocol != Protocol::tcp) {
        return SocketState::open;
    }
    if (socket.state == TcpState::close) {
        return SocketState::closed;
    }
    if (socket.state == TcpState::time_wait) {
        return SocketState::time_wait;
    }
    return socket.inode == Inode{} && is_closing(socket.state) ? SocketState::orphaned : SocketState::open;
}

Flow flow_of(const Socket& socket)
{
    Flow flow;
    flow.tuple = socket.tuple;
    if (flow.tuple.local.address.family == Family::none) { // SocketLookup has emptied it
        flow.tuple.local.address.family = socket.family;
    }
    flow.cookie = socket.cookie;
    flow.inode = socket.inode;
    flow.uid = socket.uid;
    flow.cgroup_id = socket.cgroup_id;
    flow.interface = socket.interface;
    flow.state = state_of(socket);
    return flow;
}

} // namespace socktally
