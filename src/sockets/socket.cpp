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

ConnectionState connection_state_of(const Socket& socket)
{
    if (socket.tuple.protocol != Protocol::tcp) {
        const bool is_udp = socket.tuple.protocol == Protocol::udp || socket.tuple.protocol == Protocol::udplite;
        const bool is_connected = (is_udp && socket.state == TcpState::established) || // perhaps to port 0
                                  socket.tuple.remote.port != 0 || !socket.tuple.remote.address.is_unspecified();
        return is_connected ? ConnectionState::established : ConnectionState::unconnected;
    }
    switch (socket.state) {
    case TcpState::established: return ConnectionState::established;
    case TcpState::syn_sent: return ConnectionState::syn_sent;
    case TcpState::syn_recv: return ConnectionState::syn_recv;
    case TcpState::fin_wait1: return ConnectionState::fin_wait_1;
    case TcpState::fin_wait2: return ConnectionState::fin_wait_2;
    case TcpState::time_wait: return ConnectionState::time_wait;
    case TcpState::close_wait: return ConnectionState::close_wait;
    case TcpState::last_ack: return ConnectionState::last_ack;
    case TcpState::listen: return ConnectionState::listening;
    case TcpState::closing: return ConnectionState::closing;
    case TcpState::close: break;
    }
    return ConnectionState::closed;
}

SocketFacts facts_of(const Socket& socket)
{
    SocketFacts facts;
    facts.state = connection_state_of(socket);
    if (socket.tcp && !is_listener(socket)) {
        facts.rtt_us = socket.tcp->rtt_us != 0 ? std::optional(std::uint64_t{socket.tcp->rtt_us}) : std::nullopt;
        facts.retransmitted_bytes = socket.tcp->sent ? std::optional(socket.tcp->sent->bytes_retrans) : std::nullopt;
    }
    return facts;
}

Flow flow_of(const Socket& socket)
{
    Flow flow;
    flow.tuple = socket.tuple;
    if (flow.tuple.local.address.family == Family::none) { // SocketLookup removes the family of an unspecified address
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
