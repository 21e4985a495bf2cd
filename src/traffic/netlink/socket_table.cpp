// SPDX-License-Identifier: MIT
#include "traffic/netlink/socket_table.hpp"

#include "util/sum.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace socktally {

namespace {

bool idle_since_before(const Socket& socket, SocketTable::Age age)
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

void SocketTable::begin_dump() { ++dump_; }

void SocketTable::add_listener(const Socket& socket)
{
    listening_.set(socket.tuple.local.port);
    listeners_.insert_or_assign(socket.inode.value, Listening{socket.tuple.local, dump_});
}

bool SocketTable::accepted(const Socket& socket) const { return listening_[socket.tuple.local.port]; }

std::size_t SocketTable::add(const Socket& socket)
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

void SocketTable::update(std::size_t index, const Socket& socket)
{
    Flow& flow = flows_[index];
    flow.state = state_of(socket);
    flow.accepted = flow.accepted || accepted(socket);
    flow.interface = socket.interface;
    flow.cgroup_id = socket.cgroup_id != 0 ? socket.cgroup_id : flow.cgroup_id;
    if (socket.inode.value != 0) { // a closed socket has no inode; its flow keeps the last one
        flow.inode = socket.inode;
        flow.uid = socket.uid;
    }
    tracked_[index].peer_closed = tracked_[index].peer_closed || peer_has_closed(socket.state);
}

SocketTable::Row SocketTable::mark(std::size_t index)
{
    return std::exchange(tracked_[index].dump, dump_) == dump_ ? Row::repeated : Row::fresh;
}

/// Returns whether the socket has counters. Also records listeners, and counts connections for which an old kernel has
/// no counters. TIME_WAIT and request sockets have no counters either, but they move no more bytes.
bool SocketTable::has_counters(const Socket& socket)
{
    if (socket.state == TcpState::listen) {
        add_listener(socket);
    } else if (!socket.tcp && socket.state == TcpState::established && socket.inode != Inode{}) {
        ++without_counters_;
    }
    return socket.state != TcpState::listen && socket.tcp;
}

SocketTable::Row SocketTable::at_start(const Socket& socket)
{
    if (!has_counters(socket)) {
        return Row::fresh;
    }
    if (const auto known = by_cookie_.find(socket.cookie.value); known != by_cookie_.end()) {
        return mark(known->second);
    }
    const std::size_t index = add(socket);
    Tracked& tracked = tracked_[index];
    tracked.base = counters_of(socket, {flows_[index].accepted, tracked.peer_closed});
    tracked.has_base = true;
    return mark(index);
}

void SocketTable::during(const Socket& socket)
{
    if (socket.state == TcpState::listen) {
        add_listener(socket);
        return;
    }
    if (const auto known = by_cookie_.find(socket.cookie.value); known != by_cookie_.end()) {
        if (tracked_[known->second].counted == Counted::no) {
            update(known->second, socket);
        }
        return;
    }
    // Skips a socket without an inode if it is an orphan, a TIME_WAIT socket (listed as FIN_WAIT2), or a request that
    // may never become a connection.
    if (socket.inode.value == 0 && (is_closing(socket.state) || socket.state == TcpState::syn_recv)) {
        return;
    }
    add(socket);
    ++opened_;
}

const Flow* SocketTable::destroyed(const Socket& socket, Phase phase, Age age)
{
    if (!socket.tcp) {
        return nullptr;
    }
    if (const auto known = by_cookie_.find(socket.cookie.value); known != by_cookie_.end()) {
        Tracked& tracked = tracked_[known->second];
        if (tracked.counted == Counted::to_last_dump) {
            of_next_window_.push_back(socket);
        }
        if (tracked.counted != Counted::no) {
            return nullptr;
        }
        finish(known->second, socket, age);
        tracked.counted = Counted::to_its_end;
        return &flows_[known->second];
    }
    const bool was_connected = socket.tcp->segs_out != 0 || socket.tcp->segs_in != 0 || socket.wqueue > 1;
    if (!was_connected || phase != Phase::open || idle_since_before(socket, age)) {
        return nullptr;
    }
    const std::size_t index = add(socket);
    finish(index, socket, age);
    tracked_[index].counted = Counted::to_its_end;
    ++opened_;
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
    move(flows_.size() - 1, index); // the last flow moves to the free index
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

SocketTable::Row SocketTable::at_end(const Socket& socket, Age age)
{
    if (!has_counters(socket)) {
        return Row::fresh;
    }
    const auto known = by_cookie_.find(socket.cookie.value);
    const bool is_new = known == by_cookie_.end();
    const std::size_t index = is_new ? add(socket) : known->second;
    opened_ += is_new ? 1 : 0;
    if (tracked_[index].counted == Counted::no) {
        finish(index, socket, age);
        tracked_[index].counted = Counted::to_last_dump;
    }
    return mark(index);
}

void SocketTable::finish(std::size_t index, const Socket& socket, Age age)
{
    Flow& flow = flows_[index];
    Tracked& tracked = tracked_[index];
    update(index, socket);

    SocketCounters now = counters_of(socket, {flow.accepted, tracked.peer_closed});
    if (!tracked.has_base && idle_since_before(socket, age)) {
        tracked.base = now;
    }
    if (counters_were_reset(socket) || flow.tuple.remote != socket.tuple.remote || have_restarted(tracked.base, now)) {
        ++resets_;
        tracked.base = {};
        if (socket.tuple.remote.port != 0) {
            flow.tuple = socket.tuple; // the socket was connected again, perhaps to another peer
        }
    }
    const TcpPayload moved = subtract(tracked.base, now);
    flow.rx_bytes = moved.rx_bytes;
    flow.tx_bytes = moved.tx_bytes;
    if (facts_ == Facts::kept) {
        flow.facts = std::make_shared<const SocketFacts>(facts_of(socket));
        set_retransmitted(flow, minus(now.bytes_retrans, tracked.base.bytes_retrans));
    }
    tracked.base = now;
    late_ += tracked.missed > 0 && flow.may_have_traffic() ? 1 : 0;
}

std::size_t SocketTable::next_window(Events events)
{
    std::size_t kept = 0;
    std::size_t forgotten = 0;
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        Flow& flow = flows_[i];
        Tracked& tracked = tracked_[i];
        const bool is_missing = tracked.counted == Counted::no;
        tracked.missed = is_missing ? std::min<std::uint8_t>(tracked.missed + 1, most_missed) : 0;
        tracked.has_base = tracked.has_base || !is_missing;
        const bool is_lost = tracked.missed == most_missed && events == Events::lost;
        forgotten += is_lost ? 1 : 0;
        if (is_lost || tracked.counted == Counted::to_its_end) {
            by_cookie_.erase(flow.cookie.value);
        } else {
            tracked.counted = Counted::no;
            flow.rx_bytes = 0;
            flow.tx_bytes = 0;
            flow.facts.reset();
            move(i, kept++);
        }
    }
    flows_.resize(kept);
    tracked_.resize(kept);
    std::erase_if(listeners_, [this](const auto& listener) { return listener.second.dump != dump_; });
    listening_.reset();
    for (const auto& [inode, listener] : listeners_) {
        listening_.set(listener.local.port);
    }
    opened_ = 0;
    resets_ = 0;
    late_ = 0;
    without_counters_ = 0;
    for (const Socket& socket : std::exchange(of_next_window_, {})) {
        destroyed(socket, Phase::open, Age{0});
    }
    return forgotten;
}

void SocketTable::add_to(Snapshot& snapshot, Inode netns) const
{
    snapshot.sockets.reserve(snapshot.sockets.size() + flows_.size());
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        const Flow& flow = flows_[i];
        snapshot.sockets.try_emplace({netns, flow.cookie}, Snapshot::Socket{tracked_[i].base, flow.tuple.remote,
                                                                            flow.state == SocketState::orphaned});
    }
}

std::vector<const Flow*> SocketTable::missing() const
{
    std::vector<const Flow*> flows;
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (tracked_[i].counted == Counted::no && tracked_[i].missed < most_missed) {
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
        if (flow.state == SocketState::open && flow.inode.value != 0) {
            inodes.push_back(flow.inode);
        }
    }
    return inodes;
}

std::vector<const Flow*> SocketTable::live(const std::vector<Inode>& inodes) const
{
    std::vector<const Flow*> flows;
    for (const Flow& flow : flows_) {
        if (flow.state == SocketState::open && std::binary_search(inodes.begin(), inodes.end(), flow.inode)) {
            flows.push_back(&flow);
        }
    }
    return flows;
}

std::vector<Inode> SocketTable::listed_inodes() const
{
    std::vector<Inode> inodes;
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (tracked_[i].counted == Counted::to_last_dump && flows_[i].state == SocketState::open) {
            inodes.push_back(flows_[i].inode);
        }
    }
    return inodes;
}

void SocketTable::add_listed(std::vector<Inode>& inodes) const
{
    std::transform(listeners_.begin(), listeners_.end(), std::back_inserter(inodes),
                   [](const auto& listener) { return Inode{listener.first}; });
    std::transform(flows_.begin(), flows_.end(), std::back_inserter(inodes),
                   [](const Flow& flow) { return flow.inode; });
}

void SocketTable::add_to(Listeners& listeners, Inode netns) const
{
    for (const auto& [inode, listener] : listeners_) {
        listeners[{netns, listener.local.port}].push_back({listener.local.address, Inode{inode}});
    }
}

bool SocketTable::has_unaccepted() const
{
    for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (tracked_[i].counted == Counted::no && flows_[i].inode.value == 0 && flows_[i].accepted &&
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

void UdpSockets::add(const Socket& socket)
{
    if (!shown_.insert_or_assign(socket.cookie.value, dump_).second) {
        return;
    }
    flows_.push_back(flow_of(socket));
}

void UdpSockets::add_to(std::vector<Flow>& flows, bool silent) const
{
    for (const Flow& known : flows_) {
        Flow& flow = flows.emplace_back(known);
        if (silent) {
            flow.rx_bytes = 0;
            flow.tx_bytes = 0;
        }
    }
}

void UdpSockets::next_window()
{
    std::erase_if(shown_, [this](const auto& entry) { return entry.second != dump_; });
    std::erase_if(flows_, [this](const Flow& flow) { return !shown_.contains(flow.cookie.value); });
}

} // namespace socktally
