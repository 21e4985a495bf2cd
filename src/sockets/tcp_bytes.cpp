// SPDX-License-Identifier: MIT
#include "sockets/tcp_bytes.hpp"

#include "util/sum.hpp"

namespace socktally {

namespace {

enum class Seen : std::uint8_t { no, yes, unknown };

/// Returns whether our FIN is in the write queue or was sent. tcp_set_state() leaves only `close` of a destroyed
/// socket, which does not tell.
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

/// Returns the bytes that the application has written. bytes_acked + wqueue counts them, plus 1 for a SYN that we sent,
/// plus 1 for a FIN. bytes_sent - bytes_retrans counts neither, and so shows which of the two are included. But it
/// counts a segment twice that a queue or a filter of this machine dropped (tcp_write_xmit() sends the segment as new
/// again), so it is used only if it is within the possible range.
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
            --unsent; // the FIN is last in the queue
        }
        const std::uint64_t once = minus(counters.sent->bytes_sent, counters.sent->bytes_retrans) + unsent;
        // `all` may be more than was ever written: the queue is measured before the counters, without the socket's lock
        // (tcp_diag_get_info()), so bytes that are acknowledged in between are in both. `once` is read at one instant.
        if (once + fin_at_least <= all) {
            return once;
        }
    }
    return minus(all, fin_at_most + syn_at_most);
}

/// Returns the bytes that the application has read: bytes_received - rqueue, which also counts a FIN that was read as
/// end of file. A destroyed socket does not show whether the FIN was read, unless an earlier list showed it
/// half-closed: the result may be 1 byte too high.
std::uint64_t read(const Socket& socket, const TcpHints& hints)
{
    const std::uint64_t got = minus(socket.tcp->bytes_received, socket.rqueue);
    if (socket.rqueue > 0 || socket.tcp->data_segs_in == 0) {
        return socket.tcp->data_segs_in == 0 ? 0 : got; // an unread FIN is in rqueue
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
        return {}; // never connected, or reset: the lengths of the queues mean nothing
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
        const bool own_fin = is_closing(socket.state) && socket.tcp->notsent_bytes > 0; // the FIN is last in the queue
        return socket.tcp->notsent_bytes - (own_fin ? 1 : 0);
    }
    return socket.wqueue == 0 ? std::optional(0U) : std::nullopt;
}

} // namespace socktally
