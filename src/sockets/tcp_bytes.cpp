// SPDX-License-Identifier: MIT
#include "sockets/tcp_bytes.hpp"

#include "util/sum.hpp"

namespace socktally {

namespace {

enum class Seen : std::uint8_t { no, yes, unknown };

/// Whether our FIN is in the write queue or beyond it. tcp_set_state() leaves only `close` of a destroyed socket.
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

/// bytes_acked + wqueue is all that was ever written, plus 1 for a SYN that we sent, plus 1 for a FIN. Which of the two
/// are in there is read off bytes_sent - bytes_retrans, which counts neither; but that counts a segment twice that a
/// queue or a filter of this machine dropped (tcp_write_xmit() sends it as new again), so it is believed only inside
/// the possible range.
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
        // More than was ever written: the queue was measured before the counters, without the socket's lock
        // (tcp_diag_get_info()), and what was acknowledged in between is in both. `once` is of one instant.
        if (once + fin_at_least <= all) {
            return once;
        }
    }
    return minus(all, fin_at_most + syn_at_most);
}

/// bytes_received - rqueue is what was read, plus 1 for a FIN that was read as end of file. A destroyed socket does not
/// say whether that happened, unless it was seen half-closed before: 1 byte of doubt.
std::uint64_t read(const Socket& socket, const TcpHints& hints)
{
    const std::uint64_t got = minus(socket.tcp->bytes_received, socket.rqueue);
    if (socket.rqueue > 0 || socket.tcp->data_segs_in == 0) {
        return socket.tcp->data_segs_in == 0 ? 0 : got; // an unread FIN is part of the queue
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
        return {}; // never connected, or reset: the queue lengths mean nothing
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
        const bool own_fin = is_closing(socket.state) && socket.tcp->notsent_bytes > 0; // the last in the queue
        return socket.tcp->notsent_bytes - (own_fin ? 1 : 0);
    }
    return socket.wqueue == 0 ? std::optional(0U) : std::nullopt;
}

} // namespace socktally
