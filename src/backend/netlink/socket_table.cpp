// SPDX-License-Identifier: MIT
#include "backend/netlink/socket_table.hpp"

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

/// After a reset the counters start from 0; a 32-bit counter that has only wrapped is ahead by less than half its range.
bool went_back(std::uint32_t before, std::uint32_t now) { return static_cast<std::int32_t>(now - before) < 0; }

/// tcp_payload() may be 1 byte off, so a step back of up to 2 is no reset.
bool went_back(std::uint64_t before, std::uint64_t now) { return now + 2 < before; }

std::uint64_t since(std::uint64_t before, std::uint64_t now) { return now > before ? now - before : 0; }

bool peer_has_closed(TcpState state)
{
    return state == TcpState::close_wait || state == TcpState::last_ack || state == TcpState::closing;
}

bool closing_state(TcpState state)
{
    return state == TcpState::fin_wait1 || state == TcpState::fin_wait2 || state == TcpState::closing ||
           state == TcpState::last_ack;
}

SocketState coarse_state(const DiagSocket& socket)
{
    if (socket.state == TcpState::close) {
        return SocketState::closed;
    }
    return socket.inode.value == 0 && closing_state(socket.state) ? SocketState::orphaned : SocketState::open;
}

} // namespace

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
    flow.state = coarse_state(socket);
    flow.accepted = flow.accepted || accepted(socket);
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
    if (!socket.tcp) {
        return Row::fresh; // TIME_WAIT and requests: nothing to come
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
    return mark(index);
}

void SocketTable::during(const DiagSocket& socket)
{
    if (const auto known = by_cookie_.find(socket.cookie.value); known != by_cookie_.end()) {
        if (!tracked_[known->second].ended) {
            update(known->second, socket);
        }
        return;
    }
    if (socket.inode.value == 0 && closing_state(socket.state)) {
        return; // an orphan, or a TIME_WAIT socket that calls itself FIN_WAIT2
    }
    add(socket);
    ++born_;
}

std::optional<Inode> SocketTable::destroyed(const DiagSocket& socket, Window window)
{
    if (!socket.tcp) {
        return std::nullopt;
    }
    if (const auto known = by_cookie_.find(socket.cookie.value); known != by_cookie_.end()) {
        if (!tracked_[known->second].ended) {
            finish(known->second, socket);
        }
        return flows_[known->second].inode;
    }
    const bool was_connected = socket.tcp->segs_out != 0 || socket.tcp->segs_in != 0 || socket.wqueue > 1;
    if (was_connected && window == Window::open) {
        finish(add(socket), socket);
        ++born_;
    }
    return std::nullopt;
}

SocketTable::Row SocketTable::at_end(const DiagSocket& socket)
{
    if (socket.state == TcpState::listen) {
        listening_.set(socket.tuple.local.port);
        return Row::fresh;
    }
    if (!socket.tcp) {
        return Row::fresh;
    }
    const auto known = by_cookie_.find(socket.cookie.value);
    const bool is_new = known == by_cookie_.end();
    const std::size_t index = is_new ? add(socket) : known->second;
    born_ += is_new ? 1 : 0;
    if (!tracked_[index].ended) {
        finish(index, socket);
    }
    return mark(index);
}

void SocketTable::finish(std::size_t index, const DiagSocket& socket)
{
    Flow& flow = flows_[index];
    Tracked& tracked = tracked_[index];
    update(index, socket);
    tracked.ended = true;

    const TcpSocketView view{socket.state, socket.rqueue, socket.wqueue, *socket.tcp};
    const TcpPayload now = tcp_payload(view, {flow.accepted, tracked.peer_closed});
    const bool new_epoch = counters_were_reset(view) || flow.tuple.remote != socket.tuple.remote ||
                           went_back(tracked.segs_in, view.counters.segs_in) ||
                           went_back(tracked.segs_out, view.counters.segs_out) ||
                           went_back(tracked.base.rx_bytes, now.rx_bytes) ||
                           went_back(tracked.base.tx_bytes, now.tx_bytes);
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
        if (!tracked_[i].ended && flows_[i].inode.value == 0 && flows_[i].accepted) {
            return true;
        }
    }
    return false;
}

bool SocketTable::moved_bytes() const
{
    return std::any_of(flows_.begin(), flows_.end(), [](const Flow& flow) { return flow.rx_bytes != 0 || flow.tx_bytes != 0; });
}

} // namespace socktally
