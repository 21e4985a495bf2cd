// SPDX-License-Identifier: MIT
// Turns the kernel's counters of a TCP socket into payload bytes: what the application has written and read. Pure
// arithmetic. The counters include SYN and FIN; what is still in the queues is subtracted or added.
#pragma once

#include "sockets/socket.hpp"

#include <cstdint>
#include <optional>

namespace socktally {

/// Returns whether the peer's FIN has come. It is in the receive queue until it is read as end of file.
bool peer_has_closed(TcpState state);

/// Returns whether this end has sent its FIN, or has it in its queue.
bool is_closing(TcpState state);

/// Facts that the state alone does not tell.
struct TcpHints {
    bool accepted = false;    // a listener has the local port, so this end did not send the SYN
    bool peer_closed = false; // an earlier list showed that the peer's FIN had come
};

struct TcpPayload {
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    bool operator==(const TcpPayload&) const = default;
};

/// Returns the payload since the socket was opened. The socket must have counters. Exact while the socket is alive and
/// no packets are dropped on this machine itself; else at most 1 byte off in each direction (see the comments at the
/// definition).
TcpPayload tcp_payload(const Socket& socket, const TcpHints& hints);
/// Returns null if the socket has no counters.
std::optional<TcpPayload> tcp_payload(const Socket& socket);

/// Returns what was received but not read. TCP: bytes, without a FIN. UDP: memory of the datagrams, which is more than
/// their payload.
std::uint32_t unread_bytes(const Socket& socket);
/// Returns the bytes of TCP that were written but not sent; null if the list does not show how much of the queue was
/// sent.
std::optional<std::uint32_t> unsent_bytes(const Socket& socket);

/// Returns whether the socket, which must have counters, was connected and then emptied by tcp_disconnect() (connect to
/// AF_UNSPEC, or close with SO_LINGER 0), which clears all counters. A socket that was never connected has an empty
/// write queue too.
bool counters_were_reset(const Socket& socket);

} // namespace socktally
