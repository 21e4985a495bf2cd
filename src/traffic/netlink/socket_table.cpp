// SPDX-License-Identifier: MIT
#include "traffic/netlink/socket_table.hpp"

#include "util/sum.hpp"

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

/// A FIN is in some of the counters and not in others, so a step back of up to 2 is no reset.
bool went_back(std::uint64_t before, std::uint64_t now) { return now + 2 < before; }

/// The segment counters have 32 bits. One that has wrapped, rather than begun anew, is ahead by less than half its
/// range or has moved a lot.
bool segments_went_back(std::uint32_t before, std::uint32_t now, const TcpPayload& base, const TcpPayload& payload)
{
    constexpr std::uint64_t a_lot = std::uint64_t{1} << 31;
    const bool is_ahead = static_cast<std::int32_t>(now - before) >= 0;
    return !is_ahead && now < before && payload.rx_bytes + payload.tx_bytes < base.rx_bytes + base.tx_bytes + a_lot;
}

bool idle_since_before(const DiagSocket& socket, SocketTable::Age age)
{
    return socket.tcp && std::chrono::milliseconds(socket.tcp->idle_ms) > age;
}

} // namespace

void SocketTable::reserve(std::size_t sockets)
{
    constexpr std::size_t sane = 4'000'000;
    const std::size_t room = std::min(sockets + sockets / 64, sane);
    flows_.reserve(room);
    tracked_.reserve(room);
    by_cookie_.reserve(room);
}

void SocketTable::begin_dump()
{
    ++dump_;
    listed_listening_.reset();
    listeners_.clear();
}

bool SocketTable::accepted(const DiagSocket& socket) const { return listening_[socket.tuple.local.port]; }

std::size_t SocketTable::add(const DiagSocket& socket)
{
    const std::size_t index = flows_.size();
    Flow& flow = flows_.emplace_back();
    flow.tuple = socket.tuple;
    flow.cookie = socket.cookie;
    flow.rx_bytes = 0;
    flow.tx_bytes = 0;
    tracked_.emplace_back();
    by_cookie_.emplace(socket.cookie.value, static_cast<std::uint32_t>(index));
    update(index, socket);
    return index;
}

void SocketTable::update(std::size_t index, const DiagSocket& socket)
{
    Flow& flow = flows_[index];
    flow.state = socket_state(socket.state, socket.inode);
    flow.accepted = flow.accepted || accepted(socket);
    flow.interface = socket.interface;
    flow.cgroup_id = socket.cgroup_id != 0 ? socket.cgroup_id : flow.cgroup_id;
    if (socket.inode.value != 0) { // a closed socket keeps the inode by which its owner was found
        flow.inode = socket.inode;
        flow.uid = socket.uid;
    }
    tracked_[index].peer_closed = tracked_[index].peer_closed || peer_has_closed(socket.state);
}

SocketTable::Row SocketTable::mark(std::size_t index)
{
    return std::exchange(tracked_[index].dump, dump_) == dump_ ? Row::repeated : Row::fresh;
}

SocketTable::Row SocketTable::at_start(const DiagSocket& socket)
{
    if (socket.state == TcpState::listen) {
        listening_.set(socket.tuple.local.port);
        listed_listening_.set(socket.tuple.local.port);
        listeners_.push_back(socket.inode);
        return Row::fresh;
    }
    if (!socket.tcp) { // TIME_WAIT and requests: nothing to come
        note_missing_counters(socket);
        return Row::fresh;
    }
    if (const auto known = by_cookie_.find(socket.cookie.value); known != by_cookie_.end()) {
        return mark(known->second);
    }
    const std::size_t index = add(socket);
    Tracked& tracked = tracked_[index];
    tracked.base = tcp_payload({socket.state, socket.rqueue, socket.wqueue, *socket.tcp},
                               {flows_[index].accepted, tracked.peer_closed});
    tracked.note(*socket.tcp);
    tracked.has_base = true;
    return mark(index);
}

void SocketTable::note_missing_counters(const DiagSocket& socket)
{
    without_counters_ += socket.state == TcpState::established && socket.inode.value != 0 ? 1 : 0;
}

void SocketTable::during(const DiagSocket& socket)
{
    if (socket.state == TcpState::listen) {
        listening_.set(socket.tuple.local.port);
        return;
    }
    if (const auto known = by_cookie_.find(socket.cookie.value); known != by_cookie_.end()) {
        if (tracked_[known->second].counted == Counted::no) {
            update(known->second, socket);
        }
        return;
    }
    // Without inode: an orphan, a TIME_WAIT socket that calls itself FIN_WAIT2, or a request that may never become a
    // connection.
    if (socket.inode.value == 0 && (is_closing(socket.state) || socket.state == TcpState::syn_recv)) {
        return;
    }
    add(socket);
    ++born_;
}

const Flow* SocketTable::destroyed(const DiagSocket& socket, Window window, Age age)
{
    if (!socket.tcp) {
        return nullptr;
    }
    if (const auto known = by_cookie_.find(socket.cookie.value); known != by_cookie_.end()) {
        Tracked& tracked = tracked_[known->second];
        if (tracked.counted == Counted::to_last_dump) {
            late_.push_back(socket);
        }
        if (tracked.counted != Counted::no) {
            return nullptr;
        }
        finish(known->second, socket, age);
        tracked.counted = Counted::to_its_end;
        return &flows_[known->second];
    }
    const bool was_connected = socket.tcp->segs_out != 0 || socket.tcp->segs_in != 0 || socket.wqueue > 1;
    if (!was_connected || window != Window::open || idle_since_before(socket, age)) {
        return nullptr;
    }
    const std::size_t index = add(socket);
    finish(index, socket, age);
    tracked_[index].counted = Counted::to_its_end;
    ++born_;
    return &flows_[index];
}

void SocketTable::forget(Cookie cookie)
{
    const auto found = by_cookie_.find(cookie.value);
    if (found == by_cookie_.end()) {
        return;
    }
    const std::uint32_t index = found->second;
    by_cookie_.erase(found);
    move(flows_.size() - 1, index); // the last one takes its place
    flows_.pop_back();
    tracked_.pop_back();
}

void SocketTable::move(std::size_t from, std::size_t to)
{
    if (from != to) {
        flows_[to] = flows_[from];
        tracked_[to] = tracked_[from];
        by_cookie_[flows_[to].cookie.value] = static_cast<std::uint32_t>(to);
    }
}

SocketTable::Row SocketTable::at_end(const DiagSocket& socket, Age age)
{
    if (socket.state == TcpState::listen) {
        listening_.set(socket.tuple.local.port);
        listed_listening_.set(socket.tuple.local.port);
        listeners_.push_back(socket.inode);
        return Row::fresh;
    }
    if (!socket.tcp) {
        note_missing_counters(socket);
        return Row::fresh;
    }
    const auto known = by_cookie_.find(socket.cookie.value);
    const bool is_new = known == by_cookie_.end();
    const std::size_t index = is_new ? add(socket) : known->second;
    born_ += is_new ? 1 : 0;
    if (tracked_[index].counted == Counted::no) {
        finish(index, socket, age);
        tracked_[index].counted = Counted::to_last_dump;
    }
    return mark(index);
}

void SocketTable::finish(std::size_t index, const DiagSocket& socket, Age age)
{
    Flow& flow = flows_[index];
    Tracked& tracked = tracked_[index];
    update(index, socket);

    const TcpSocketView view{socket.state, socket.rqueue, socket.wqueue, *socket.tcp};
    const TcpPayload now = tcp_payload(view, {flow.accepted, tracked.peer_closed});
    if (!tracked.has_base && idle_since_before(socket, age)) {
        tracked.base = now;
        tracked.note(view.counters);
    }
    if (counters_were_reset(view) || is_new_epoch(index, socket, now)) {
        ++resets_;
        tracked.base = {};
        if (socket.tuple.remote.port != 0) {
            flow.tuple = socket.tuple; // it has connected again, perhaps to somewhere else
        }
    }
    flow.rx_bytes = minus(now.rx_bytes, tracked.base.rx_bytes);
    flow.tx_bytes = minus(now.tx_bytes, tracked.base.tx_bytes);
    tracked.note(view.counters);
    belated_ += tracked.missed > 0 && flow.may_have_traffic() ? 1 : 0;
}

/// Not by the payload: the receive queue is measured before the counters, without the socket's lock
/// (tcp_diag_get_info()), so what came in between is taken for read, and may not be so at the next dump.
bool SocketTable::is_new_epoch(std::size_t index, const DiagSocket& socket, const TcpPayload& now) const
{
    const Tracked& tracked = tracked_[index];
    const TcpCounters& counters = *socket.tcp;
    return flows_[index].tuple.remote != socket.tuple.remote || went_back(tracked.received, counters.bytes_received) ||
           went_back(tracked.acked, counters.bytes_acked) ||
           (tracked.has_base && segments_went_back(tracked.segs_in, counters.segs_in, tracked.base, now)) ||
           (tracked.has_base && segments_went_back(tracked.segs_out, counters.segs_out, tracked.base, now));
}

void SocketTable::Tracked::note(const TcpCounters& counters)
{
    received = counters.bytes_received;
    acked = counters.bytes_acked;
    segs_in = counters.segs_in;
    segs_out = counters.segs_out;
}

} // namespace socktally
