// SPDX-License-Identifier: MIT
#include "backend/packet/flow_table.hpp"

namespace socktally {

namespace {

void count_direction(PacketFlow::Direction& direction, const Packet& packet)
{
    direction.packets += 1;
    direction.ip_bytes += packet.ip_bytes;
    direction.payload_bytes += packet.protocol == Protocol::tcp
                                   ? direction.sequence.add(packet.tcp, packet.payload_bytes)
                                   : packet.payload_bytes;
}

} // namespace

std::size_t FlowTable::TupleHash::operator()(const Tuple& tuple) const
{
    Hash hash(seed);
    hash.add(tuple.local.address);
    hash.add(tuple.remote.address);
    hash.add(std::uint64_t{tuple.local.port} << 32 | std::uint64_t{tuple.remote.port} << 8 |
             static_cast<std::uint64_t>(tuple.protocol));
    return hash.value();
}

PacketFlow& FlowTable::flow_of(const Tuple& tuple, PacketFlow*& last)
{
    if (last == nullptr || last->tuple != tuple) {
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

void FlowTable::add(const Packet& packet, Sighting sighting, std::uint32_t interface)
{
    if (packet.fragment) {
        fragments_.add(packet, [&](const Packet& whole) { count(whole, sighting, interface); });
    } else {
        count(packet, sighting, interface);
    }
}

void FlowTable::count(const Packet& packet, Sighting sighting, std::uint32_t interface)
{
    const auto count_in = [&](PacketFlow& flow, PacketFlow::Direction PacketFlow::*direction) {
        if (packet.protocol == Protocol::tcp && (flow.*direction).sequence.begins_anew(packet.tcp)) {
            replaced_.push_back(flow);
            begin(flow, replaced_.back().tuple);
        }
        count_direction(flow.*direction, packet);
        flow.interface = interface;
        flow.last_seen = now_;
        flow.looped = flow.looped || sighting == Sighting::looped;
    };
    if (sighting != Sighting::received) {
        count_in(flow_of({packet.protocol, packet.source, packet.destination}, last_sent_), &PacketFlow::tx);
    }
    if (sighting != Sighting::sent) {
        count_in(flow_of({packet.protocol, packet.destination, packet.source}, last_received_), &PacketFlow::rx);
    }
}

std::uint64_t FlowTable::forgotten_holes() const
{
    std::uint64_t holes = forgotten_holes_;
    for (const auto& [tuple, flow] : flows_) {
        holes += flow.rx.sequence.forgotten() + flow.tx.sequence.forgotten();
    }
    return holes;
}

} // namespace socktally
