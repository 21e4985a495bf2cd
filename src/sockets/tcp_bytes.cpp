// SPDX-License-Identifier: MIT
#include "sockets/tcp_bytes.hpp"

#include "util/sum.hpp"

namespace socktally {

namespace {

enum class Seen : std::uint8_t { no, yes, unknown };

/// Returns whether our FIN was sent, or is in the write queue. The state of a destroyed socket is always `close`
/// (tcp_set_state()), so the answer is unknown.
Seen own_fin(TcpState state)
{
    switch (state) {
    case TcpState::fin_wait1:
    case TcpState::fin_wait2:
    case TcpState::closing:
    case TcpState::last_ack:
    case TcpState::time_wait: return Seen::yes;
    case TcpState::close: return Seen::unknown;
    default: return Seen::no;
    }
}

Seen peer_fin(TcpState state)
{
    switch (state) {
    case TcpState::close_wait:
    case TcpState::last_ack:
    case TcpState::closing:
    case TcpState::time_wait: return Seen::yes;
    case TcpState::close: return Seen::unknown;
    default: return Seen::no;
    }
}

/// Returns the number of bytes that the application has written. Two sums give this number:
/// - bytes_acked + wqueue. This sum also counts our FIN, and a SYN that we sent, as 1 byte each.
/// - bytes_sent - bytes_retrans + the unsent bytes. This sum has no SYN and no FIN. But if a queue or a filter of this
///   machine drops a segment, tcp_write_xmit() sends it again as new, and the sum counts it twice.
/// The second sum is returned, unless it is greater than the first.
std::uint64_t written(const Socket& socket, const TcpHints& hints)
{
    const TcpCounters& counters = *socket.tcp;
    const std::uint64_t all = counters.bytes_acked + socket.wqueue;
    const Seen fin = own_fin(socket.state);
    const std::uint64_t fin_at_least = fin == Seen::yes ? 1 : 0;
    const std::uint64_t fin_at_most = fin == Seen::no ? 0 : 1;
    const std::uint64_t syn_at_most = hints.accepted ? 0 : 1;
    if (counters.sent) {
        std::uint64_t unsent = counters.notsent_bytes;
        if (fin == Seen::yes && unsent > 0) {
            --unsent; // notsent_bytes includes the FIN
        }
        const std::uint64_t once = minus(counters.sent->bytes_sent, counters.sent->bytes_retrans) + unsent;
        // `all` may be too high. The kernel reads the length of the queue before the counters, without the socket's
        // lock (tcp_diag_get_info()). Bytes that are acknowledged in between count twice. `once` is not affected: the
        // kernel reads all its parts at one instant.
        if (once + fin_at_least <= all) {
            return once;
        }
    }
    return minus(all, fin_at_most + syn_at_most);
}

/// Returns the number of bytes that the application has read: bytes_received - rqueue, minus 1 if it has read the
/// peer's FIN as end of file. The state of a destroyed socket does not show whether a FIN came. If no earlier list
/// showed that the peer had closed, the result may be 1 byte too high.
std::uint64_t read(const Socket& socket, const TcpHints& hints)
{
    const std::uint64_t got = minus(socket.tcp->bytes_received, socket.rqueue);
    if (socket.rqueue > 0 || socket.tcp->data_segs_in == 0) {
        return socket.tcp->data_segs_in == 0 ? 0 : got; // an unread FIN is in both figures, and cancels out
    }
    const Seen fin = peer_fin(socket.state);
    const bool eof_was_read = fin == Seen::yes || (fin == Seen::unknown && hints.peer_closed);
    return minus(got, eof_was_read ? 1 : 0);
}

} // namespace

bool peer_has_closed(TcpState state)
{
    return state == TcpState::close_wait || state == TcpState::last_ack || state == TcpState::closing;
}

bool is_closing(TcpState state)
{
    return state == TcpState::fin_wait1 || state == TcpState::fin_wait2 || state == TcpState::closing ||
           state == TcpState::last_ack;
}

bool counters_were_reset(const Socket& socket)
{
    return socket.tcp->segs_in == 0 && socket.tcp->segs_out == 0 && socket.wqueue > 1;
}

TcpPayload tcp_payload(const Socket& socket, const TcpHints& hints)
{
    if (socket.tcp->segs_in == 0 && socket.tcp->segs_out == 0) {
        return {}; // never connected, or reset: the lengths of the queues say nothing
    }
    return {read(socket, hints), written(socket, hints)};
}

std::optional<TcpPayload> tcp_payload(const Socket& socket)
{
    return socket.tcp ? std::optional(tcp_payload(socket, {socket.accepted, false})) : std::nullopt;
}

std::uint32_t unread_bytes(const Socket& socket)
{
    const bool has_fin = socket.tuple.protocol == Protocol::tcp && peer_has_closed(socket.state) && socket.rqueue > 0;
    return socket.rqueue - (has_fin ? 1 : 0);
}

std::optional<std::uint32_t> unsent_bytes(const Socket& socket)
{
    if (socket.tcp) {
        const bool own_fin = is_closing(socket.state) && socket.tcp->notsent_bytes > 0; // FIN included
        return socket.tcp->notsent_bytes - (own_fin ? 1 : 0);
    }
    return socket.wqueue == 0 ? std::optional(0U) : std::nullopt;
}

} // namespace socktally
