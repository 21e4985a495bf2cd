// SPDX-License-Identifier: MIT
// A socket as the kernel lists it through sock_diag, /proc/net or a BPF iterator. Plain data, with the kernel's names
// (linux/inet_diag.h, linux/tcp.h). tcp_bytes.hpp turns the figures into payload bytes.
#pragma once

#include "model/flow.hpp"

#include <cstdint>
#include <optional>

namespace socktally {

/// The kernel's numbers of TCP states (include/net/tcp_states.h), which inet_diag and struct sock use.
enum class TcpState : std::uint8_t {
    established = 1,
    syn_sent = 2,
    syn_recv = 3,
    fin_wait1 = 4,
    fin_wait2 = 5,
    time_wait = 6,
    close = 7, // also the state of a destroyed socket
    close_wait = 8,
    last_ack = 9,
    listen = 10,
    closing = 11,
};

/// The fields of struct tcp_info that we use. bytes_sent and later fields do not exist before Linux 4.19.
struct TcpCounters {
    std::uint64_t bytes_acked = 0;    // acknowledged; our FIN is included, and our SYN if we opened the connection
    std::uint64_t bytes_received = 0; // includes the peer's FIN
    std::uint32_t segs_out = 0;
    std::uint32_t segs_in = 0;
    std::uint32_t data_segs_in = 0;
    std::uint32_t notsent_bytes = 0; // bytes in the write queue that were never sent
    std::uint32_t idle_ms = 0;       // time since data was sent or received, or an acknowledgement was received
    std::uint32_t rtt_us = 0;        // smoothed round-trip time; 0 if not measured
    struct Sent {
        std::uint64_t bytes_sent = 0;    // payload, retransmissions included
        std::uint64_t bytes_retrans = 0; // payload sent again
    };
    std::optional<Sent> sent;
};

/// Fields that a list does not have are zero or null. /proc/net has no cookie, cgroup, device and v6_only. A destroy
/// event has no inode, uid and cgroup.
struct Socket {
    Tuple tuple;                  // unconnected: no remote end; bound to no address: unspecified local address
    Family family = Family::none; // family of the addresses or, if bound to no address, of the socket
    bool v6_only = false;         // IPV6_V6ONLY; only known of listeners and unconnected sockets
    TcpState state = TcpState::established; // UDP: `established` if connected
    bool accepted = false;                  // TCP: a listener has the local port, so the peer opened the connection
    std::uint32_t interface = 0;            // index of the device that the socket is bound to, or 0
    Cookie cookie;
    Inode inode;
    std::optional<Uid> uid;
    std::uint64_t cgroup_id = 0; // see Flow::cgroup_id; 0 before Linux 5.8
    std::uint32_t rqueue = 0;    // TCP: bytes received but not read, FIN included; UDP: memory of unread datagrams
    std::uint32_t wqueue = 0;    // TCP: bytes written but not acknowledged, SYN and FIN included (1 each)
    std::optional<std::uint32_t> drops; // number of datagrams dropped: invalid, or buffer full (SK_MEMINFO_DROPS)
    std::optional<TcpCounters> tcp;     // null: not requested, not TCP, or a TIME_WAIT or request socket
};

inline bool is_listener(const Socket& socket)
{
    return socket.tuple.protocol == Protocol::tcp && socket.state == TcpState::listen;
}

/// Returns the state that attribution needs. It is `open` for every socket that is not TCP.
SocketState state_of(const Socket& socket);

/// Returns the state that users see. For TCP it is the state of the connection. For other protocols it is `established`
/// if the socket is connected, else `unconnected`.
ConnectionState connection_state_of(const Socket& socket);

/// Returns the socket's state. If the socket has counters of TCP, also returns the round-trip time, and the bytes
/// retransmitted since the socket was opened.
SocketFacts facts_of(const Socket& socket);

/// Returns a flow that describes the socket. The bytes and packets of the flow are null.
Flow flow_of(const Socket& socket);

} // namespace socktally
