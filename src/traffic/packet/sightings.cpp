// SPDX-License-Identifier: MIT
#include "traffic/packet/sightings.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace socktally {

namespace {

using FlowPointers = std::vector<PacketFlow*>;

/// longest_queue and short_queue are the most bytes that may be in network queues between two interfaces that show the
/// same connection. short_queue is for two flows that share no end: only the sequence numbers show that they are one
/// connection.
constexpr std::uint32_t region_bits = 22;
constexpr std::uint32_t longest_queue = std::uint32_t{1} << region_bits;
constexpr std::uint32_t short_queue = std::uint32_t{1} << 18;

/// Returns whether both flows carry the same TCP stream: one flow receives what the other one sends.
bool is_same_stream(const PacketFlow& flow, const PacketFlow& other)
{
    const bool shares_end = flow.tuple.remote == other.tuple.local;
    int near = 0;
    int far = 0;
    const auto compare = [&](const SequenceSpace& a, const SequenceSpace& b) {
        if (a.is_known() && b.is_known()) {
            ++(a.is_near(b, shares_end ? longest_queue : short_queue) ? near : far);
        }
    };
    compare(flow.tx.sequence, other.rx.sequence);
    compare(flow.rx.sequence, other.tx.sequence);
    return far == 0 && near >= (shares_end ? 1 : 2);
}

std::uint64_t between(std::uint64_t a, std::uint64_t b) { return std::max(a, b) - std::min(a, b); }

/// Returns whether `a` and `b` may have carried the same datagrams: the bytes are equal, or the bytes and the datagrams
/// differ by at most 1/8. Packets may be dropped, or be in flight when the window begins or ends. If the bytes are
/// equal, the datagrams are not compared, because a superpacket may be cut into pieces between the two interfaces.
bool are_same_datagrams(const PacketFlow::Counts& a, const PacketFlow::Counts& b)
{
    const auto is_nearly = [](std::uint64_t x, std::uint64_t y) { return between(x, y) <= std::max(x, y) / 8; };
    return a.payload_bytes == b.payload_bytes || (a.datagrams != b.datagrams && is_nearly(a.datagrams, b.datagrams) &&
                                                  is_nearly(a.payload_bytes, b.payload_bytes));
}

bool has_same_datagrams(const PacketFlow& flow, const PacketFlow& other)
{
    return are_same_datagrams(flow.tx, other.rx) && are_same_datagrams(flow.rx, other.tx);
}

/// Returns whether both flows may carry the same datagrams, some of which were lost between the two interfaces.
bool may_be_lossy(const PacketFlow& flow, const PacketFlow& other)
{
    return flow.tuple.local.port == other.tuple.remote.port && flow.tx.payload_bytes <= other.rx.payload_bytes &&
           other.tx.payload_bytes <= flow.rx.payload_bytes;
}

std::uint64_t distance(const PacketFlow& flow, const PacketFlow& other)
{
    return between(flow.tx.payload_bytes, other.rx.payload_bytes) +
           between(flow.rx.payload_bytes, other.tx.payload_bytes);
}

/// Returns whether the flow's socket is certain, because both ends of the tuple match. (A datagram to the port of an
/// unconnected socket may be for another socket.)
bool has_own_socket(const PacketFlow& flow)
{
    return (flow.has_socket() || flow.found.cookie != Cookie{}) && !flow.rewritten &&
           flow.found.match == Quality::owner;
}

struct Pair {
    std::uint64_t distance;
    PacketFlow* flow;
    const PacketFlow* other;
};

/// The most flows that one flow is compared with. It limits the work if there is a flood of similar flows.
constexpr std::size_t most_candidates = 256;

class Judge {
public:
    Judge(const FlowPointers& all, const SightingPlace& place) : place_(place)
    {
        std::set<Tuple> passing;
        for (const PacketFlow* flow : all) {
            if (flow->looped || has_own_socket(*flow)) {
                continue;
            }
            if (flow->tuple.protocol == Protocol::tcp) {
                enter(by_received_, flow->rx.sequence, flow);
                enter(by_sent_, flow->tx.sequence, flow);
            } else if (!place_.is_local(flow->tuple.local.address) && !flow->to_many) {
                passing.insert(flow->tuple);
            }
        }
        for (const PacketFlow* flow : all) {
            const Tuple mirrored{flow->tuple.protocol, flow->tuple.remote, flow->tuple.local};
            // A flow whose mirrored tuple was seen too was forwarded unchanged, and is no counterpart.
            if (passing.contains(flow->tuple) && !passing.contains(mirrored)) {
                passing_.emplace(flow->tuple.local, flow);
            }
        }
    }

    /// Returns whether rule 3 may apply: the flow has an address of this namespace, but its socket is not certain.
    bool is_in_question(const PacketFlow& flow) const
    {
        return !flow.looped && !flow.is_nobodys && !has_own_socket(flow) && place_.is_local(flow.tuple.local.address);
    }

    /// Returns whether the flow consists of the outer packets of a tunnel (case 3b).
    bool is_of_tunnel(const PacketFlow& flow) const
    {
        const auto is_tunnel = [this](std::uint16_t port) {
            return std::find(place_.tunnel_ports.begin(), place_.tunnel_ports.end(), port) != place_.tunnel_ports.end();
        };
        if (flow.tuple.protocol != Protocol::udp || place_.tunnel_ports.empty()) {
            return false;
        }
        const bool is_held = flow.has_socket() && place_.is_held(flow.found.inode);
        const bool only_sent = flow.rx.packets == 0; // answers come to our own tunnel port, so they are in another flow
        return !is_held && (is_tunnel(flow.tuple.local.port) || (only_sent && is_tunnel(flow.tuple.remote.port)));
    }

    bool is_forwarded_tcp(const PacketFlow& flow) const
    {
        return (flow.rx.sequence.is_known() && has_counterpart(flow, by_sent_, region(flow.rx.sequence))) ||
               (flow.tx.sequence.is_known() && has_counterpart(flow, by_received_, region(flow.tx.sequence)));
    }

    using Taken = std::set<const PacketFlow*>;

    /// Sets is_nobodys of the flows in `pairs`. A flow can be the counterpart of only one other flow, so the pairs with
    /// the smallest difference are handled first. `taken` has the counterparts that are already used. Returns the
    /// number of marked flows for which has_same_datagrams() is false.
    static std::uint64_t mark(std::vector<Pair> pairs, Taken taken)
    {
        std::stable_sort(pairs.begin(), pairs.end(),
                         [](const Pair& a, const Pair& b) { return a.distance < b.distance; });
        std::uint64_t unsure = 0;
        for (const Pair& pair : pairs) {
            if (!pair.flow->is_nobodys && taken.insert(pair.other).second) {
                pair.flow->is_nobodys = true;
                unsure += has_same_datagrams(*pair.flow, *pair.other) ? 0 : 1;
            }
        }
        return unsure;
    }

    /// Sets is_nobodys of UDP flows that share one end with a forwarded flow. Many flows may share an end (queries to
    /// one resolver), so flows with exactly the same number of bytes are paired first.
    std::uint64_t mark_half_rewritten(const FlowPointers& flows) const
    {
        using Length = std::tuple<Endpoint, std::uint64_t, std::uint64_t>;
        std::multimap<Length, const PacketFlow*> by_length;
        for (const auto& [end, other] : passing_) {
            by_length.emplace(Length{end, other->rx.payload_bytes, other->tx.payload_bytes}, other);
        }
        Taken taken;
        std::vector<Pair> pairs;
        for (PacketFlow* flow : flows) {
            const auto same = by_length.find({flow->tuple.remote, flow->tx.payload_bytes, flow->rx.payload_bytes});
            if (same != by_length.end()) {
                flow->is_nobodys = true;
                taken.insert(same->second);
                by_length.erase(same);
            } else {
                add_similar(*flow, pairs);
            }
        }
        return mark(std::move(pairs), std::move(taken));
    }

    /// Returns pairs of UDP flows that are counterparts of each other. Only flows that have no socket, but moved bytes
    /// both ways, are compared. (A port of this machine without a socket sends no answers.)
    static std::vector<Pair> wholly_rewritten(const FlowPointers& flows)
    {
        std::multimap<std::uint64_t, PacketFlow*> by_sent;
        for (PacketFlow* flow : flows) {
            if (!flow->is_nobodys && !flow->has_socket() && flow->takers.empty() && flow->rx.payload_bytes != 0 &&
                flow->tx.payload_bytes != 0) {
                by_sent.emplace(flow->tx.payload_bytes, flow);
            }
        }
        std::vector<Pair> pairs;
        for (const auto& [sent, flow] : by_sent) {
            const std::uint64_t received = flow->rx.payload_bytes;
            std::size_t left = most_candidates;
            for (auto other = by_sent.lower_bound(received - received / 8);
                 other != by_sent.end() && other->first <= received + received / 4 && left > 0; ++other, --left) {
                if (other->second->interface != flow->interface && has_same_datagrams(*flow, *other->second)) {
                    pairs.push_back({distance(*flow, *other->second), flow, other->second});
                }
            }
        }
        return pairs;
    }

private:
    using ByRegion = std::unordered_multimap<std::uint32_t, const PacketFlow*>;

    void add_similar(PacketFlow& flow, std::vector<Pair>& pairs) const
    {
        const auto [first, last] = passing_.equal_range(flow.tuple.remote);
        std::size_t left = most_candidates;
        for (auto entry = first; entry != last && left > 0; ++entry, --left) {
            const PacketFlow& other = *entry->second;
            const bool is_lossy = !flow.has_socket() && may_be_lossy(flow, other);
            if (has_same_datagrams(flow, other) || is_lossy) {
                pairs.push_back({distance(flow, other), &flow, &other});
            }
        }
    }

    static void enter(ByRegion& flows, const SequenceSpace& sequence, const PacketFlow* flow)
    {
        if (sequence.is_known()) {
            flows.emplace(region(sequence), flow);
        }
    }

    /// Returns the region of sequence numbers that the stream has reached. If two streams are near each other, their
    /// regions are the same or neighbours.
    static std::uint32_t region(const SequenceSpace& sequence) { return sequence.last() >> region_bits; }

    static bool has_counterpart(const PacketFlow& flow, const ByRegion& flows, std::uint32_t region)
    {
        constexpr std::uint32_t last_region = ~std::uint32_t{0} >> region_bits;
        for (const std::uint32_t near : {region - 1, region, region + 1}) {
            const auto [first, last] = flows.equal_range(near & last_region);
            if (std::any_of(first, last, [&](const auto& entry) {
                    return entry.second != &flow && is_same_stream(flow, *entry.second);
                })) {
                return true;
            }
        }
        return false;
    }

    const SightingPlace& place_;
    ByRegion by_received_; // TCP flows whose socket is not certain, by region of the received stream
    ByRegion by_sent_;
    std::multimap<Endpoint, const PacketFlow*> passing_; // UDP flows whose Tuple::local is not here, by Tuple::local
};

} // namespace

std::uint64_t mark_nobodys(const FlowPointers& flows, const std::function<FlowPointers()>& all,
                           const SightingPlace& place)
{
    const Judge no_flows({}, place);
    FlowPointers questions;
    for (PacketFlow* flow : flows) {
        if (!no_flows.is_in_question(*flow)) {
            continue;
        }
        if (no_flows.is_of_tunnel(*flow)) {
            flow->is_nobodys = true;
        } else {
            questions.push_back(flow);
        }
    }
    if (questions.empty()) {
        return 0;
    }
    Judge judge(all(), place);
    FlowPointers datagrams;
    for (PacketFlow* flow : questions) {
        if (flow->tuple.protocol == Protocol::udp) {
            datagrams.push_back(flow);
        } else {
            flow->is_nobodys = judge.is_forwarded_tcp(*flow);
        }
    }
    if (!place.sees_all || datagrams.empty()) {
        return 0;
    }
    const std::uint64_t unsure = judge.mark_half_rewritten(datagrams);
    return unsure + (place.forwards ? Judge::mark(Judge::wholly_rewritten(datagrams), {}) : 0);
}

namespace {

/// Returns whether both flows have received packets, or both have sent packets. Such flows belong to different sockets,
/// because NAT changes either all packets of a connection in one direction or none.
bool overlap(const PacketFlow& a, const PacketFlow& b)
{
    const auto both = [&](PacketFlow::Counts PacketFlow::*direction) {
        const bool is_tcp = a.tuple.protocol == Protocol::tcp;
        return is_tcp ? (a.*direction).sequence.is_known() && (b.*direction).sequence.is_known()
                      : (a.*direction).packets != 0 && (b.*direction).packets != 0;
    };
    return both(&PacketFlow::rx) || both(&PacketFlow::tx);
}

} // namespace

std::set<const PacketFlow*> join_rewritten(const FlowPointers& flows, FlowTable& table)
{
    std::set<const PacketFlow*> joined;
    /// For each connected socket whose own tuple no packet had: the first flow with a changed tuple. The key is the
    /// tuple of the socket.
    std::map<Tuple, const PacketFlow*> stand_ins;
    for (PacketFlow* flow : flows) {
        if (!flow->rewritten || flow->is_nobodys || flow->found.tuple.remote.port == 0) {
            continue;
        }
        PacketFlow* own = table.find(flow->found.tuple);
        const bool is_taken =
            own != nullptr ? overlap(*flow, *own) : !stand_ins.emplace(flow->found.tuple, flow).second;
        if (is_taken) {
            flow->rewritten = false;
            flow->found = {};
            flow->found.match = Quality::unknown;
        } else if (own != nullptr) {
            own->rx.take(flow->rx);
            own->tx.take(flow->tx);
            own->is_old = own->is_old || flow->is_old;
            joined.insert(flow);
        }
    }
    return joined;
}

} // namespace socktally
