// SPDX-License-Identifier: MIT
#include "traffic/packet/packet_watch.hpp"

#include "linux/interfaces.hpp"
#include "traffic/packet/filter.hpp"

#include <linux/if_packet.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace socktally {

PacketWatch::PacketWatch(Kept kept, std::size_t buffer_bytes, std::vector<std::uint32_t> wanted)
    : kept_(kept), wanted_(std::move(wanted)), ring_(buffer_bytes)
{
}

void PacketWatch::begin()
{
    choose_interfaces();
    learn_addresses();
    ring_.start();
}

void PacketWatch::end(std::chrono::nanoseconds instant)
{
    count_drops();
    end_ = instant;
}

bool PacketWatch::drain_until(std::chrono::nanoseconds limit)
{
    return ring_.drain([this](const CapturedFrame& captured) { take(captured); }, limit) || !ring_.has_more();
}

/// What was dropped since the end may be of either window.
void PacketWatch::close(bool complete)
{
    next_faults_.dropped = ring_.new_drops();
    faults_.dropped += next_faults_.dropped;
    faults_.late = !complete;
    is_closed_ = true;
    learn_addresses();
}

void PacketWatch::next_window()
{
    flows_.next_window();
    packets_ = 0;
    holes_before_ = flows_.forgotten_holes();
    faults_ = std::exchange(next_faults_, {});
    end_ = PacketRing::no_end;
    is_closed_ = false;
    addresses_.clear();
    learn_addresses();
    for (const Sighted& sighted : std::exchange(of_next_, {})) {
        count(sighted);
    }
}

void PacketWatch::drain()
{
    ring_.drain([this](const CapturedFrame& captured) { take(captured); });
}

PacketFaults PacketWatch::faults() const
{
    PacketFaults faults = faults_;
    faults.unmatched = flows_.unmatched_fragments();
    faults.holes = flows_.forgotten_holes() - holes_before_;
    return faults;
}

void PacketWatch::take(const CapturedFrame& captured)
{
    const auto sighting = sighting_of(captured);
    if (!sighting) {
        return;
    }
    const bool is_of_next = captured.time >= end_ || is_closed_;
    PacketFaults& faults = is_of_next ? next_faults_ : faults_;
    Sighted sighted{{}, *sighting, captured.interface};
    switch (parse_frame(captured.frame, sighted.packet)) {
    case Verdict::packet:
        sighted.packet.time = captured.time;
        sighted.packet.to_many = (captured.type == PACKET_BROADCAST || captured.type == PACKET_MULTICAST) &&
                                 !is_local(sighted.packet.destination.address); // as the kernel decides it
        if (is_of_next) {
            flows_.note_end(sighted.packet, *sighting);
            of_next_.push_back(sighted);
        } else {
            count(sighted);
        }
        break;
    case Verdict::malformed: ++faults.malformed; break;
    case Verdict::cut: ++faults.cut; break;
    case Verdict::other: break;
    }
}

void PacketWatch::count(const Sighted& sighted)
{
    if (kept_ == Kept::tcp_and_udp || sighted.packet.protocol == Protocol::udp) {
        flows_.add(sighted.packet, sighted.sighting, sighted.interface);
        ++packets_;
    }
}

/// Null for what another interface shows as well, and for what is on its way between two others.
std::optional<Sighting> PacketWatch::sighting_of(const CapturedFrame& captured)
{
    if (!interfaces_.contains(captured.interface)) {
        choose_interfaces(); // it is new
        learn_addresses();
        interfaces_.insert(captured.interface); // even where it is gone again
    }
    if (!is_wanted(captured.interface) ||
        std::binary_search(watch_.skipped.begin(), watch_.skipped.end(), captured.interface)) {
        return std::nullopt;
    }
    if (captured.loopback) {
        return captured.type == PACKET_OUTGOING ? std::nullopt : std::optional(Sighting::looped);
    }
    return captured.type == PACKET_OUTGOING ? Sighting::sent : Sighting::received;
}

bool PacketWatch::is_wanted(std::uint32_t interface) const
{
    return wanted_.empty() || std::binary_search(wanted_.begin(), wanted_.end(), interface);
}

void PacketWatch::choose_interfaces()
{
    try {
        std::vector<Interface> links = list_interfaces(route_);
        interfaces_.clear();
        for (const Interface& link : links) {
            interfaces_.insert(link.index);
        }
        tunnel_ports_ = tunnel_ports_of(links);
        std::erase_if(links, [this](const Interface& link) { return !is_wanted(link.index); });
        watch_ = choose_links(links);
        watch_.other_hosts = watch_.other_hosts || !wanted_.empty(); // a bridge's port sees packets to the bridge
    } catch (const std::system_error&) {
        ++faults_.failed_links;
    }
    ring_.set_filter(packet_filter({wanted_, watch_.skipped, watch_.other_hosts, kept_ == Kept::udp}));
}

void PacketWatch::learn_addresses()
{
    try {
        for (const InterfaceAddress& each : list_addresses(route_)) {
            addresses_.insert(each.address);
        }
    } catch (const std::system_error&) {
        ++faults_.failed_links;
    }
}

} // namespace socktally
