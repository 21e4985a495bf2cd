// SPDX-License-Identifier: MIT
// From what the kernel says of a TCP socket to payload bytes: what the application gave to it and got from it.
// Pure arithmetic. The kernel's counters include SYN and FIN, and leave out what still sits in the queues.
#pragma once

#include "sockets/socket.hpp"

#include <cstdint>
#include <optional>

namespace socktally {

/// The peer's FIN has come. It stands in the receive queue until it is read as end of file.
bool peer_has_closed(TcpState state);

/// This end has sent its FIN, or has it in its queue.
bool is_closing(TcpState state);

/// Facts that the state alone does not give.
struct TcpHints {
    bool accepted = false;    // the local port is listened on: this end did not send the SYN
    bool peer_closed = false; // an earlier list showed that the peer's FIN had come
};

struct TcpPayload {
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    bool operator==(const TcpPayload&) const = default;
};

/// Cumulative payload since the socket, which has counters, was opened. Exact while the socket is alive and packets are
/// not dropped on this machine itself; else at most 1 byte off per direction (see the comments at the definition).
TcpPayload tcp_payload(const Socket& socket, const TcpHints& hints);
/// Null without counters.
std::optional<TcpPayload> tcp_payload(const Socket& socket);

/// Received and not read, without a FIN: bytes of TCP; of UDP the memory of datagrams, more than their payload.
std::uint32_t unread_bytes(const Socket& socket);
/// Returns the bytes of TCP that were written but not sent; null if the list does not show how much of the queue was
/// sent.
std::optional<std::uint32_t> unsent_bytes(const Socket& socket);

/// True if the socket, which has counters, was connected and then emptied by tcp_disconnect() (connect to AF_UNSPEC,
/// or closed with SO_LINGER 0): all its counters are gone. A socket that never was connected has no write queue either.
bool counters_were_reset(const Socket& socket);

} // namespace socktally
