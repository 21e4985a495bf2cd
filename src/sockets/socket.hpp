// SPDX-License-Identifier: MIT
// A socket as the kernel lists it through sock_diag, /proc/net or a BPF iterator. Plain data, with the kernel's names
// (linux/inet_diag.h, linux/tcp.h). tcp_bytes.hpp turns the figures into payload bytes.
#pragma once

#include "model/flow.hpp"

#include <cstdint>
#include <optional>

namespace socktally {

/// The kernel's values, used by inet_diag and struct sock (include/net/tcp_states.h).
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
    std::uint64_t bytes_acked = 0;    // includes our SYN (if we opened the connection) and our FIN, once acknowledged
    std::uint64_t bytes_received = 0; // includes the peer's FIN
    std::uint32_t segs_out = 0;
    std::uint32_t segs_in = 0;
    std::uint32_t data_segs_in = 0;
    std::uint32_t notsent_bytes = 0; // in the write queue, never sent
    std::uint32_t idle_ms = 0;       // since data was last sent or received, or an acknowledgement came
    std::uint32_t rtt_us = 0;        // smoothed; 0: none was measured
    struct Sent {
        std::uint64_t bytes_sent = 0;    // payload, retransmissions included
        std::uint64_t bytes_retrans = 0; // payload sent again
    };
    std::optional<Sent> sent;
};

/// Fields that a list does not have are zero or null: /proc/net has no cookie, cgroup, device and v6_only; a destroy
/// event has no inode, uid and cgroup.
struct Socket {
    Tuple tuple; // an unconnected socket has no remote end; one bound to no address has an unspecified local one
    Family family = Family::none;           // of the addresses, or of the socket if it is bound to no address
    bool v6_only = false;                   // IPV6_V6ONLY; only known of sockets that listen or are not connected
    TcpState state = TcpState::established; // of TCP
    bool accepted = false;                  // TCP: a listener has the local port, so this end did not send the SYN
    std::uint32_t interface = 0;            // index of the device that the socket is bound to, or 0
    Cookie cookie;
    Inode inode;
    std::optional<Uid> uid;
    std::uint64_t cgroup_id = 0; // see Flow::cgroup_id; 0 before Linux 5.8
    std::uint32_t rqueue = 0; // TCP: bytes received but not read, unread FIN included; UDP: memory of unread datagrams
    std::uint32_t wqueue = 0; // TCP: bytes written but not acknowledged, plus 1 each for SYN and FIN
    std::optional<std::uint32_t> drops; // datagrams dropped: buffer full, or bad datagram (SK_MEMINFO_DROPS)
    std::optional<TcpCounters> tcp;     // null: not asked for, not TCP, or a TIME_WAIT or request socket
};

inline bool is_listener(const Socket& socket)
{
    return socket.tuple.protocol == Protocol::tcp && socket.state == TcpState::listen;
}

/// Returns the state as attribution uses it; always open if the socket is not TCP.
SocketState state_of(const Socket& socket);

/// A socket that is not TCP is established if it is connected, else unconnected.
ConnectionState connection_state_of(const Socket& socket);

/// Returns its state, and the rest of tcp_info if the list has that: retransmitted_bytes since the socket was opened.
SocketFacts facts_of(const Socket& socket);

/// Returns a flow with the facts of a listed socket; bytes and packets are null.
Flow flow_of(const Socket& socket);

} // namespace socktally
