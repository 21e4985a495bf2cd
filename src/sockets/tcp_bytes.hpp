// SPDX-License-Identifier: MIT
// Computes from the kernel's counters of a TCP socket how many payload bytes the application has written and read. The
// counters also include SYN, FIN and bytes that are still in the queues. Pure.
#pragma once

#include "sockets/socket.hpp"

#include <cstdint>
#include <optional>

namespace socktally {

/// Returns whether the peer's FIN has arrived. The receive queue includes the FIN until the application reads end of
/// file.
bool peer_has_closed(TcpState state);

/// Returns whether this end has closed the connection: its FIN was sent, or is in the write queue.
bool is_closing(TcpState state);

/// Facts about a socket that its state does not show.
struct TcpHints {
    bool accepted = false;    // a listener has the local port, so this end sent no SYN
    bool peer_closed = false; // an earlier list showed that the peer's FIN had arrived
};

struct TcpPayload {
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    bool operator==(const TcpPayload&) const = default;
};

/// Returns the payload since the socket was opened. The socket must have counters. The result is exact if the socket is
/// alive and this machine itself drops no packets. Otherwise it may be 1 byte off in each direction; written() and
/// read() say why.
TcpPayload tcp_payload(const Socket& socket, const TcpHints& hints);
/// Returns the payload since the socket was opened; null if the socket has no counters.
std::optional<TcpPayload> tcp_payload(const Socket& socket);

/// Returns what was received but not read. For TCP this is the number of bytes, without a FIN. For UDP it is the memory
/// of the datagrams, which is more than their payload.
std::uint32_t unread_bytes(const Socket& socket);
/// Returns the number of bytes that a TCP application has written but the kernel has not sent. Returns null if the
/// socket has no counters and its write queue is not empty, because the queue may have bytes that were sent.
std::optional<std::uint32_t> unsent_bytes(const Socket& socket);

/// Returns whether tcp_disconnect() has cleared the counters of a connected socket. The kernel calls tcp_disconnect()
/// at connect(2) to AF_UNSPEC, and at close(2) with SO_LINGER 0. The call moves write_seq ahead of snd_una, so wqueue
/// is greater than 1 although the socket has no segments. A socket that was never connected has no segments and an
/// empty queue. The socket must have counters.
bool counters_were_reset(const Socket& socket);

} // namespace socktally
