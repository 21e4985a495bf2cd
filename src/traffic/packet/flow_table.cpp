// SPDX-License-Identifier: MIT
#include "traffic/packet/flow_table.hpp"

#include "util/sum.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace socktally {

namespace {

void count_datagram(PacketFlow::Counts& direction, const Packet& packet)
{
    constexpr std::uint32_t longest = 65'507;
    direction.datagrams += packet.is_later_fragment() ? 0 : 1;
    direction.smallest = std::min(direction.smallest, packet.fragment ? 0 : packet.payload_bytes);
    direction.largest = std::max(direction.largest, packet.fragment ? longest : packet.payload_bytes);
}

void count_direction(PacketFlow::Counts& direction, const Packet& packet)
{
    direction.packets += 1;
    direction.ip_bytes += packet.ip_bytes;
    direction.tcp_flags |= packet.tcp.flags;
    if (packet.protocol == Protocol::tcp) {
        direction.payload_bytes += direction.sequence.add(packet.tcp, packet.payload_bytes);
    } else {
        direction.payload_bytes += packet.payload_bytes;
        count_datagram(direction, packet);
    }
}

/// Compares like operator==, but without a call of memcmp(), because it runs for each packet.
bool same_address(const Address& a, const Address& b)
{
    std::array<std::uint64_t, 2> left{};
    std::array<std::uint64_t, 2> right{};
    static_assert(sizeof left == sizeof a.bytes);
    std::memcpy(left.data(), a.bytes.data(), sizeof left);
    std::memcpy(right.data(), b.bytes.data(), sizeof right);
    return a.family == b.family && left[0] == right[0] && left[1] == right[1];
}

bool same_tuple(const Tuple& tuple, Protocol protocol, const Endpoint& local, const Endpoint& remote)
{
    return tuple.local.port == local.port && tuple.remote.port == remote.port && tuple.protocol == protocol &&
           same_address(tuple.local.address, local.address) && same_address(tuple.remote.address, remote.address);
}

} // namespace

void PacketFlow::Counts::take(Counts& other)
{
    payload_bytes += std::exchange(other.payload_bytes, 0);
    ip_bytes += std::exchange(other.ip_bytes, 0);
    packets += std::exchange(other.packets, 0);
    earlier_bytes += std::exchange(other.earlier_bytes, 0);
    counted += std::exchange(other.counted, 0);
    carried += std::exchange(other.carried, 0);
    datagrams += std::exchange(other.datagrams, 0);
    smallest = std::min(smallest, other.smallest);
    largest = std::max(largest, other.largest);
    tcp_flags |= other.tcp_flags;
}

void PacketFlow::add_taker(const Flow& taker)
{
    const auto is_same = [&](const Flow& known) {
        const bool have_cookies = known.cookie != Cookie{} && taker.cookie != Cookie{};
        return have_cookies ? known.cookie == taker.cookie : known.inode == taker.inode;
    };
    const auto update = [&](Flow& known) {
        // Keeps a known inode, because lists show a closed socket without inode.
        if (taker.inode != Inode{} || known.inode == Inode{}) {
            const bool accepted = known.accepted || taker.accepted;
            known = taker;
            known.accepted = accepted;
        }
    };
    if (takers.empty()) {
        if (found.match == Quality::unknown || is_same(found) || found.inode == Inode{}) {
            update(found);
            return;
        }
        if (taker.inode == Inode{}) {
            return;
        }
        takers.push_back(found);
    }
    if (const auto known = std::find_if(takers.begin(), takers.end(), is_same); known != takers.end()) {
        update(*known);
    } else if (taker.inode != Inode{}) {
        takers.push_back(taker);
    }
}

void PacketFlow::next_window()
{
    for (Counts* direction : {&rx, &tx}) {
        direction->payload_bytes = 0;
        direction->ip_bytes = 0;
        direction->packets = 0;
        direction->earlier_bytes = 0;
    }
    is_old = true;
}

std::size_t FlowTable::TupleHash::operator()(const Tuple& tuple) const
{
    Hash hash(seed);
    hash.add(tuple.local.address);
    hash.add(tuple.remote.address);
    hash.add(std::uint64_t{tuple.local.port} << 32 | std::uint64_t{tuple.remote.port} << 8 |
             static_cast<std::uint64_t>(tuple.protocol));
    return hash.value();
}

PacketFlow& FlowTable::flow_of(Protocol protocol, const Endpoint& local, const Endpoint& remote, PacketFlow*& last)
{
    if (last == nullptr || !same_tuple(last->tuple, protocol, local, remote)) {
        const Tuple tuple{protocol, local, remote};
        const auto [entry, is_new] = flows_.try_emplace(tuple);
        last = &entry->second;
        if (is_new) {
            begin(*last, tuple);
        }
    }
    return *last;
}

void FlowTable::begin(PacketFlow& flow, const Tuple& tuple)
{
    flow = {};
    flow.tuple = tuple;
    flow.found.match = Quality::unknown;
    new_.push_back(&flow);
}

void FlowTable::add(const Packet& packet, Direction direction, std::uint32_t interface, bool is_shared)
{
    if (packet.fragment) {
        fragments_.add(packet, [&](const Packet& whole) { count(whole, direction, interface, is_shared); });
    } else {
        count(packet, direction, interface, is_shared);
    }
}

void FlowTable::count(const Packet& packet, Direction direction, std::uint32_t interface, bool is_shared)
{
    datagrams_ += packet.protocol == Protocol::udp ? 1 : 0;
    const auto count_in = [&](PacketFlow& flow, PacketFlow::Counts PacketFlow::*counts) {
        const bool is_new_connection =
            packet.protocol == Protocol::tcp && (flow.*counts).sequence.begins_anew(packet.tcp);
        if (is_new_connection || flow.is_cut) {
            replaced_.push_back(flow);
            PacketFlow& before = replaced_.back();
            before.ended = packet.time;
            begin(flow, before.tuple);
            flow.rx.earlier_bytes = before.rx.earlier_bytes + before.rx.payload_bytes;
            flow.tx.earlier_bytes = before.tx.earlier_bytes + before.tx.payload_bytes;
        }
        if (flow.first_packet == std::chrono::nanoseconds{0}) {
            flow.first_packet = packet.time;
        }
        count_direction(flow.*counts, packet);
        flow.interface = interface;
        flow.is_shared = flow.is_shared || is_shared;
        flow.last_seen = now_;
        flow.list = list_;
        flow.looped = flow.looped || direction == Direction::looped;
    };
    if (direction != Direction::received) {
        count_in(flow_of(packet.protocol, packet.source, packet.destination, last_sent_), &PacketFlow::tx);
    }
    const bool may_come_back =
        direction == Direction::sent && packet.protocol == Protocol::udp && packet.destination.address.goes_to_many();
    if (direction != Direction::sent || may_come_back) {
        PacketFlow& flow = flow_of(packet.protocol, packet.destination, packet.source, last_received_);
        count_in(flow, &PacketFlow::rx);
        flow.to_many = packet.to_many || packet.destination.address.goes_to_many();
        flow.assumed = may_come_back;
    }
}

void FlowTable::adopt(const Tuple& connection, std::uint64_t rx_bytes, std::uint64_t tx_bytes)
{
    const auto [entry, is_new] = flows_.try_emplace(connection);
    if (is_new) {
        PacketFlow& flow = entry->second;
        begin(flow, connection);
        flow.rx.carried = static_cast<std::int64_t>(rx_bytes);
        flow.tx.carried = static_cast<std::int64_t>(tx_bytes);
        flow.last_seen = now_;
    }
}

void FlowTable::note_end(const Packet& packet, Direction direction)
{
    const auto ends = static_cast<std::uint8_t>(packet.tcp.flags & (TcpHeader::fin | TcpHeader::rst));
    const auto note = [&](const Endpoint& local, const Endpoint& remote, PacketFlow::Counts PacketFlow::*counts) {
        if (const auto flow = flows_.find({packet.protocol, local, remote}); flow != flows_.end()) {
            (flow->second.*counts).tcp_flags |= ends;
        }
    };
    if (ends != 0 && direction != Direction::received) {
        note(packet.source, packet.destination, &PacketFlow::tx);
    }
    if (ends != 0 && direction != Direction::sent) {
        note(packet.destination, packet.source, &PacketFlow::rx);
    }
}

void FlowTable::next_window()
{
    last_sent_ = nullptr;
    last_received_ = nullptr;
    std::erase_if(flows_, [](const auto& entry) { return entry.first.protocol != Protocol::tcp; });
    for (auto& [tuple, flow] : flows_) {
        flow.next_window();
    }
    fragments_.next_window();
}

std::uint64_t FlowTable::forgotten_holes() const
{
    std::uint64_t holes = forgotten_holes_;
    for (const auto& [tuple, flow] : flows_) {
        holes += flow.rx.sequence.forgotten() + flow.tx.sequence.forgotten();
    }
    return holes;
}

namespace {

/// Returns the id of the cgroup that all `takers` are in; 0 if they are in different cgroups, or if there are none.
std::uint64_t common_cgroup(const std::vector<Flow>& takers)
{
    const bool differ = std::any_of(takers.begin(), takers.end(),
                                    [&](const Flow& taker) { return taker.cgroup_id != takers.front().cgroup_id; });
    return takers.empty() || differ ? 0 : takers.front().cgroup_id;
}

} // namespace

Flow flow_of(const PacketFlow& counted)
{
    Flow flow = counted.found;
    flow.tuple = counted.found.tuple.remote.port != 0 ? counted.socket_tuple() : counted.tuple;
    flow.interface = counted.interface;
    flow.rx_bytes = counted.rx.payload_bytes;
    flow.tx_bytes = counted.tx.payload_bytes;
    flow.packets = {counted.rx.packets, counted.tx.packets, counted.rx.ip_bytes, counted.tx.ip_bytes};
    const bool was_accepted = counted.is_over && flow.inode == Inode{} && flow.state == SocketState::open;
    // No socket was found. Or the connection still waited to be accepted in the last list that shows it, and has ended.
    if (flow.match == Quality::unknown || was_accepted) {
        flow.attribution.cause = Cause::unknown;
    }
    if (flow.match == Quality::unknown) {
        flow.cgroup_id = common_cgroup(counted.takers);
    }
    return flow;
}

void FlowSums::add(const PacketFlow& counted)
{
    const Flow flow = flow_of(counted);
    inodes_.insert(flow.inode);
    if (detail_ == Detail::sockets) {
        const Key key{flow.inode, flow.uid, flow.cgroup_id, flow.state, flow.match, flow.attribution.cause};
        const auto [entry, is_new] = sums_.try_emplace(key, flows_.size());
        if (!is_new) {
            Flow& total = flows_[entry->second];
            socktally::add(total.rx_bytes, flow.rx_bytes);
            socktally::add(total.tx_bytes, flow.tx_bytes);
            add_or_lose(total.packets, flow.packets);
            total.sockets += flow.inode == Inode{} ? 1 : 0;
            total.interface = total.interface == flow.interface ? flow.interface : 0;
            return;
        }
    }
    flows_.push_back(flow);
}

std::vector<Flow> FlowSums::take(const std::vector<Flow>& listed)
{
    for (const Flow& flow : listed) {
        if (!inodes_.contains(flow.inode)) {
            flows_.push_back(flow);
        }
    }
    sums_.clear();
    inodes_.clear();
    return std::exchange(flows_, {});
}

} // namespace socktally
