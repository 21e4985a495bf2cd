// SPDX-License-Identifier: MIT
#include "backend/netlink/socket_table.hpp"

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

/// tcp_payload() may be 1 byte off, so a step back of up to 2 is no reset.
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

std::uint64_t since(std::uint64_t before, std::uint64_t now) { return now > before ? now - before : 0; }

} // namespace

void SocketTable::reserve(std::size_t sockets)
{
    constexpr std::size_t sane = 4'000'000;
    const std::size_t room = std::min(sockets + sockets / 64, sane);
    flows_.reserve(room);
    tracked_.reserve(room);
    by_cookie_.reserve(room);
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
    tracked.segs_in = socket.tcp->segs_in;
    tracked.segs_out = socket.tcp->segs_out;
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
        if (!tracked_[known->second].ended) {
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
        if (tracked_[known->second].ended) {
            return nullptr;
        }
        finish(known->second, socket, age);
        return &flows_[known->second];
    }
    const bool was_connected = socket.tcp->segs_out != 0 || socket.tcp->segs_in != 0 || socket.wqueue > 1;
    if (!was_connected || window != Window::open || idle_since_before(socket, age)) {
        return nullptr;
    }
    const std::size_t index = add(socket);
    finish(index, socket, age);
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
    if (index + 1 != flows_.size()) { // the last one takes its place
        flows_[index] = flows_.back();
        tracked_[index] = tracked_.back();
        by_cookie_[flows_[index].cookie.value] = index;
    }
    flows_.pop_back();
    tracked_.pop_back();
}

SocketTable::Row SocketTable::at_end(const DiagSocket& socket, Age age)
{
    if (socket.state == TcpState::listen) {
        listening_.set(socket.tuple.local.port);
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
    if (!tracked_[index].ended) {
        finish(index, socket, age);
    }
    return mark(index);
}

void SocketTable::finish(std::size_t index, const DiagSocket& socket, Age age)
{
    Flow& flow = flows_[index];
    Tracked& tracked = tracked_[index];
    update(index, socket);
    tracked.ended = true;

    const TcpSocketView view{socket.state, socket.rqueue, socket.wqueue, *socket.tcp};
    const TcpPayload now = tcp_payload(view, {flow.accepted, tracked.peer_closed});
    if (!tracked.has_base && idle_since_before(socket, age)) {
        tracked.base = now;
        tracked.segs_in = view.counters.segs_in;
        tracked.segs_out = view.counters.segs_out;
    }
    const bool new_epoch =
        counters_were_reset(view) || flow.tuple.remote != socket.tuple.remote ||
        went_back(tracked.base.rx_bytes, now.rx_bytes) || went_back(tracked.base.tx_bytes, now.tx_bytes) ||
        (tracked.has_base && segments_went_back(tracked.segs_in, view.counters.segs_in, tracked.base, now)) ||
        (tracked.has_base && segments_went_back(tracked.segs_out, view.counters.segs_out, tracked.base, now));
    if (new_epoch) {
        ++resets_;
        tracked.base = {};
        if (socket.tuple.remote.port != 0) {
            flow.tuple = socket.tuple; // it has connected again, perhaps to somewhere else
        }
    }
    flow.rx_bytes = since(tracked.base.rx_bytes, now.rx_bytes);
    flow.tx_bytes = since(tracked.base.tx_bytes, now.tx_bytes);
}

std::vector<const Flow*> SocketTable::missing() const
{
    std::vector<const Flow*> flows;
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (!tracked_[i].ended) {
            flows.push_back(&flows_[i]);
        }
    }
    return flows;
}

std::vector<Inode> SocketTable::live_inodes() const
{
    std::vector<Inode> inodes;
    inodes.reserve(flows_.size());
    for (const Flow& flow : flows_) {
        if (flow.state != SocketState::closed && flow.inode.value != 0) {
            inodes.push_back(flow.inode);
        }
    }
    return inodes;
}

bool SocketTable::has_unaccepted() const
{
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (!tracked_[i].ended && flows_[i].inode.value == 0 && flows_[i].accepted &&
            flows_[i].state == SocketState::open) {
            return true;
        }
    }
    return false;
}

bool SocketTable::moved_bytes() const
{
    return std::any_of(flows_.begin(), flows_.end(),
                       [](const Flow& flow) { return flow.rx_bytes != 0 || flow.tx_bytes != 0; });
}

} // namespace socktally
