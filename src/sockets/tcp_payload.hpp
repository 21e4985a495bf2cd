// SPDX-License-Identifier: MIT
// From what the kernel says of a TCP socket to payload bytes: what the application gave to it and got from it.
// Pure arithmetic. The kernel's counters include SYN and FIN, and leave out what still sits in the queues.
#pragma once

#include "sockets/tcp_state.hpp"

#include <cstdint>
#include <optional>

namespace socktally {

/// The fields of struct tcp_info that are used; bytes_sent and what follows it is absent before Linux 4.19.
struct TcpCounters {
    std::uint64_t bytes_acked = 0;    // our SYN (active opener) and our FIN included, once acknowledged
    std::uint64_t bytes_received = 0; // the peer's FIN included
    std::uint32_t segs_out = 0;
    std::uint32_t segs_in = 0;
    std::uint32_t data_segs_in = 0;
    std::uint32_t notsent_bytes = 0; // in the write queue, never sent
    std::uint32_t idle_ms = 0;       // since data was last sent or received, or an acknowledgement came
    struct Sent {
        std::uint64_t bytes_sent = 0;    // payload, retransmissions included
        std::uint64_t bytes_retrans = 0; // payload sent again
    };
    std::optional<Sent> sent;
};

struct TcpSocketView {
    TcpState state = TcpState::close;
    std::uint32_t rqueue = 0; // rcv_nxt - copied_seq: received, not yet read; an unread FIN counts 1
    std::uint32_t wqueue = 0; // write_seq - snd_una: given, not yet acknowledged; SYN and FIN count 1
    TcpCounters counters;
};

/// What the state alone does not tell.
struct TcpHints {
    bool accepted = false;    // the local port is listened on: this end did not send the SYN
    bool peer_closed = false; // an earlier look showed that the peer's FIN had come
};

struct TcpPayload {
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    bool operator==(const TcpPayload&) const = default;
};

/// Cumulative payload since the socket was opened. Exact while the socket is alive and packets are not dropped on this
/// machine itself; else at most 1 byte off per direction (see the comments at the definition).
TcpPayload tcp_payload(const TcpSocketView& socket, const TcpHints& hints);

/// True where the socket was connected and then emptied by tcp_disconnect() (connect to AF_UNSPEC, or closed with
/// SO_LINGER 0): all its counters are gone. A socket that never was connected has no write queue either.
bool counters_were_reset(const TcpSocketView& socket);

} // namespace socktally
