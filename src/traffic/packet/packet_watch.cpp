// SPDX-License-Identifier: MIT
#include "traffic/packet/packet_watch.hpp"

#include "linux/interfaces.hpp"
#include "linux/route_messages.hpp"
#include "traffic/packet/dns_lookups.hpp"

#include <linux/if_packet.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

namespace socktally {

namespace {

const Interface* find(const std::vector<Interface>& links, std::uint32_t index)
{
    const auto link =
        std::find_if(links.begin(), links.end(), [=](const Interface& each) { return each.index == index; });
    return index == 0 || link == links.end() ? nullptr : &*link;
}

bool is_any(const Interface& link, std::span<const std::string_view> kinds)
{
    return std::find(kinds.begin(), kinds.end(), link.kind) != kinds.end();
}

/// Returns whether the interface is a port of a bridge, bond or team. The bridge, bond or team also shows those packets
/// of the port that are for this machine.
bool is_port(const std::vector<Interface>& links, const Interface& link)
{
    constexpr std::array<std::string_view, 4> masters{"bridge", "bond", "team", "openvswitch"};
    const Interface* master = find(links, link.master);
    return master != nullptr && is_any(*master, masters);
}

/// Returns the interface below `link` that also shows the packets of `link`; null if there is none.
const Interface* below(const std::vector<Interface>& links, const Interface& link, Links which)
{
    constexpr std::array<std::string_view, 4> stacked{"macvlan", "macvtap", "ipvlan", "vlan"};
    const std::size_t count = which == Links::all ? stacked.size() - 1 : stacked.size();
    return is_any(link, std::span(stacked).first(count)) ? find(links, link.lower) : nullptr;
}

/// Returns the watched interface that shows the packets of `link`: `link` itself or an interface below it; null if
/// there is none. The search stops if very many interfaces are stacked, because the stack may be circular.
const Interface* shown_at(const std::vector<Interface>& links, const Interface& link, Links which, int depth = 0)
{
    constexpr int deepest = 8;
    const Interface* lower = below(links, link, which);
    const Interface* found = lower != nullptr && depth < deepest ? shown_at(links, *lower, which, depth + 1) : nullptr;
    return found == nullptr && !is_port(links, link) ? &link : found;
}

} // namespace

InterfaceChoice choose_interfaces(const std::vector<Interface>& links, Links which)
{
    InterfaceChoice choice;
    for (const Interface& link : links) {
        const Interface* shown = shown_at(links, link, which);
        if (shown != &link) {
            choice.skipped.push_back(link.index);
            choice.other_hosts = choice.other_hosts || link.kind == "macvlan" || link.kind == "macvtap";
        }
        if (shown != &link && shown != nullptr) {
            choice.shared.push_back(shown->index);
        }
        const Interface* master = find(links, link.master);
        if (master != nullptr && master->kind == "vrf") {
            choice.skipped.push_back(master->index);
            choice.shared.push_back(shown != nullptr ? shown->index : link.index);
        }
    }
    for (std::vector<std::uint32_t>* list : {&choice.skipped, &choice.shared}) {
        std::sort(list->begin(), list->end());
        list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    return choice;
}

std::vector<std::uint16_t> tunnel_ports_of(const std::vector<Interface>& links)
{
    std::vector<std::uint16_t> ports;
    for (const Interface& link : links) {
        if (link.tunnel_port != 0) {
            ports.push_back(link.tunnel_port);
        }
    }
    return ports;
}

PacketWatch::PacketWatch(Captured kept, std::size_t buffer_bytes, std::vector<std::uint32_t> wanted)
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

/// Goes round the ring at most once. Otherwise it might never end, because packets may arrive as fast as they are read.
void PacketWatch::drain(std::chrono::nanoseconds limit)
{
    CapturedFrame captured;
    for (std::size_t blocks = ring_.blocks(); ring_.next(captured, blocks, limit);) {
        take(captured);
    }
}

bool PacketWatch::drain_until(std::chrono::nanoseconds limit)
{
    drain(limit);
    return ring_.is_stopped() || !ring_.has_more();
}

/// Closes the window. A packet that was dropped after the end of the window may belong to this window or to the next
/// one, so the drop counts in both.
void PacketWatch::close(bool complete)
{
    next_faults_[Fault::packets_dropped] = ring_.new_drops();
    faults_[Fault::packets_dropped] += next_faults_[Fault::packets_dropped];
    faults_[Fault::packets_late] = complete ? 0 : 1;
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
    for (const Seen& seen : std::exchange(of_next_, {})) {
        count(seen);
    }
}

Faults PacketWatch::faults() const
{
    Faults faults = faults_;
    faults[Fault::fragments_unmatched] = flows_.unmatched_fragments();
    faults[Fault::holes_forgotten] = flows_.forgotten_holes() - holes_before_;
    return faults;
}

void PacketWatch::take(const CapturedFrame& captured)
{
    const auto direction = direction_of(captured);
    if (!direction) {
        return;
    }
    const bool is_of_next = captured.time >= end_ || is_closed_;
    Faults& faults = is_of_next ? next_faults_ : faults_;
    Seen seen{{}, *direction, captured.interface};
    switch (parse_frame(captured.frame, seen.packet)) {
    case Verdict::packet:
        if (seen.packet.is_tagged && wanted_.empty()) {
            break; // the packet counts at the VLAN's own interface
        }
        seen.packet.time = is_closed_ ? std::max(captured.time, end_) : captured.time;
        // Like the kernel, treats a packet to a local address as unicast.
        seen.packet.to_many = (captured.type == PACKET_BROADCAST || captured.type == PACKET_MULTICAST) &&
                              !is_local(seen.packet.destination.address);
        if (read_payload_) {
            const auto& bytes = captured.frame.bytes;
            const std::size_t begin = std::min<std::size_t>(seen.packet.payload_at, bytes.size());
            read_payload_(seen.packet,
                          bytes.subspan(begin, std::min<std::size_t>(seen.packet.payload_bytes, bytes.size() - begin)),
                          *direction);
        }
        if (is_of_next) {
            flows_.note_end(seen.packet, *direction);
            of_next_.push_back(seen);
        } else {
            count(seen);
        }
        break;
    case Verdict::malformed: ++faults[Fault::packets_malformed]; break;
    case Verdict::cut: ++faults[Fault::packets_cut]; break;
    case Verdict::other: break;
    }
}

void PacketWatch::count(const Seen& seen)
{
    if (kept_ == Captured::tcp_and_udp || seen.packet.protocol == Protocol::udp) {
        const bool is_shared = std::binary_search(choice_.shared.begin(), choice_.shared.end(), seen.interface);
        flows_.add(seen.packet, seen.direction, seen.interface, is_shared);
        ++packets_;
    }
}

/// Returns null for a packet that does not count: its interface is not wanted or is skipped, or it is one of the two
/// copies of a packet on lo.
std::optional<Direction> PacketWatch::direction_of(const CapturedFrame& captured)
{
    if (!interfaces_.contains(captured.interface)) {
        choose_interfaces(); // a new interface
        learn_addresses();
        // An interface that no longer exists is in no list. It is added so that its next packet causes no new list.
        interfaces_.insert(captured.interface);
    }
    if (!is_wanted(captured.interface) ||
        std::binary_search(choice_.skipped.begin(), choice_.skipped.end(), captured.interface)) {
        return std::nullopt;
    }
    if (captured.loopback) {
        return captured.type == PACKET_OUTGOING ? std::nullopt : std::optional(Direction::looped);
    }
    return captured.type == PACKET_OUTGOING ? Direction::sent : Direction::received;
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
        choice_ = socktally::choose_interfaces(links, wanted_.empty() ? Links::all : Links::wanted);
        // A chosen port of a bridge also shows packets to the link address of the bridge.
        choice_.other_hosts = choice_.other_hosts || !wanted_.empty();
    } catch (const std::system_error&) {
        ++faults_[Fault::failed_links];
    }
    set_filter();
}

void PacketWatch::set_filter() const
{
    FilterPlan plan{wanted_, choice_.skipped, choice_.other_hosts, kept_ == Captured::udp};
    if (read_payload_) {
        plan.read.assign(DnsLookups::ports.begin(), DnsLookups::ports.end());
        plan.docker = redirected_;
        plan.watched = DnsLookups::encrypted_port;
    }
    try {
        ring_.set_filter(packet_filter(plan));
    } catch (const std::system_error& failure) {
        if (failure.code() != std::errc::not_enough_memory) { // net.core.optmem_max, 20 kB before Linux 6.8
            throw;
        }
        plan.skipped.clear(); // direction_of() leaves out their packets
        ring_.set_filter(packet_filter(plan));
    }
}

void PacketWatch::set_redirected(const std::vector<std::uint16_t>& ports)
{
    if (redirected_ != ports) {
        redirected_ = ports;
        set_filter();
    }
}

void PacketWatch::learn_addresses()
{
    try {
        for (const InterfaceAddress& each : list_addresses(route_)) {
            addresses_.insert(each.address);
        }
    } catch (const std::system_error&) {
        ++faults_[Fault::failed_links];
    }
}

} // namespace socktally
