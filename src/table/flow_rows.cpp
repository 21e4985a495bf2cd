// SPDX-License-Identifier: MIT
#include "table/flow_rows.hpp"

#include "table/columns.hpp"
#include "traffic/attribution.hpp"

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace socktally {

namespace {

bool is_of(const PublishedPort& port, Protocol protocol)
{
    return port.protocol == to_string(protocol == Protocol::mptcp ? Protocol::tcp : protocol);
}

bool passes(const Tuple& tuple, const ProxiedPort& proxied)
{
    const Endpoint container{proxied.container, proxied.published.port};
    return is_of(proxied.published, tuple.protocol) &&
           (tuple.local.port == proxied.published.host.port || tuple.remote == container);
}

/// Returns the ports of this machine that are forwarded to the flow's local port, a port of a container. Separates them
/// by commas. If the owner is a docker-proxy, returns the port that it forwards. Returns null if no such port is known.
std::optional<std::string> published_ports_of(const Tuple& tuple, const Identity& identity)
{
    if (identity.proxied) {
        return passes(tuple, *identity.proxied)
                   ? std::optional(to_string(identity.proxied->published) + " via docker-proxy")
                   : std::nullopt;
    }
    std::string text;
    for (const PublishedPort& port : identity.published) {
        const std::uint16_t local = tuple.local.port;
        if (local >= port.port && local - port.port <= port.more && is_of(port, tuple.protocol)) {
            text += text.empty() ? "" : ",";
            text += to_string(port_in(port, local));
        }
    }
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::optional<Address> address_of(const Endpoint& endpoint)
{
    return endpoint.address.family == Family::none ? std::nullopt : std::optional(endpoint.address);
}

std::optional<std::uint16_t> port_of(const Endpoint& endpoint)
{
    return endpoint.port == 0 ? std::nullopt : std::optional(endpoint.port);
}

void set_owner(Row& row, const Process& owner)
{
    row.kind = RowKind::process;
    row.pid = owner.pid;
    row.start_time = owner.start_time;
    row.process = owner.name;
    row.uid = owner.uid;
    row.identity = owner.identity;
    row.trees = owner.trees;
    if (!row.netns && owner.netns != Inode{}) {
        row.netns = owner.netns;
    }
}

/// Returns whether a flow without an owner certainly belongs to no process of a --tree.
bool is_of_no_tree(const Flow& flow, const TreeSightings& tree)
{
    const Cause cause = flow.attribution.cause;
    return flow.attribution.is_foreign || (cause == Cause::other_netns && !tree.leaves_netns) ||
           (cause == Cause::other_user && flow.uid && !tree.users.contains(*flow.uid));
}

/// Returns the trees of a connection whose process is not known, which are those of the processes that listened: only
/// these could accept it. Null if they are not known, or differ.
std::optional<std::uint64_t> trees_of_listeners(const Flow& flow, const Sample& sample)
{
    const auto at_port = sample.listeners.find({flow.netns, flow.tuple.local.port});
    if (!flow.accepted || at_port == sample.listeners.end()) {
        return std::nullopt;
    }
    std::optional<std::uint64_t> trees;
    for (const Listener& listener : at_port->second) {
        if (!listener.address.is_unspecified() && listener.address != flow.tuple.local.address) {
            continue;
        }
        const auto holders = movers_of(listener.inode, sample.holders);
        for (const Holder& holder : holders) {
            const auto its = sample.processes[holder.process].trees;
            if (!its || trees.value_or(*its) != *its) {
                return std::nullopt;
            }
            trees = its;
        }
        if (holders.empty()) {
            return std::nullopt;
        }
    }
    return trees;
}

/// Fills a row without an owner: the reason, and the facts from the socket and its cgroup.
void set_cause(Row& row, const Flow& flow, const Sample& sample)
{
    row.kind = RowKind::cause;
    row.process = cause_name(flow.attribution.cause);
    row.uid = flow.uid;
    if (is_of_no_tree(flow, sample.tree)) {
        row.trees = 0;
    } else if (hides_process(flow.attribution.cause)) {
        row.trees = trees_of_listeners(flow, sample);
    }
    if (const auto group = sample.groups.find(flow.cgroup_id); group != sample.groups.end()) {
        row.identity = group->second;
    }
}

std::vector<Sharer> sharers_of(std::size_t flow, const Sample& sample)
{
    std::vector<Sharer> sharers;
    if (const auto found = sample.sharers.find(flow); found != sample.sharers.end()) {
        for (const std::uint32_t index : found->second) {
            const Process& process = sample.processes[index];
            sharers.push_back({process.pid, process.name});
        }
        std::sort(sharers.begin(), sharers.end());
    }
    return sharers;
}

} // namespace

Row row_of(const Flow& flow, const Sample& sample)
{
    const Tuple& tuple = flow.tuple;
    Row row;
    if (flow.netns != Inode{}) {
        row.netns = flow.netns;
    }
    if (flow.attribution.process) {
        set_owner(row, sample.processes[*flow.attribution.process]);
    } else {
        set_cause(row, flow, sample);
    }
    if (flow.has_tuple) {
        row.protocol = tuple.protocol;
    }
    row.local_address = address_of(tuple.local);
    row.local_port = port_of(tuple.local);
    row.remote_address = address_of(tuple.remote);
    row.remote_port = port_of(tuple.remote);
    if (const auto name = sample.names.find(tuple.remote.address); name != sample.names.end()) {
        row.remote = name->second;
    }
    if (!row.protocol || has_ports(*row.protocol)) { // a raw socket has the number of a protocol in place of a port
        row.port = flow.accepted || !row.remote_port ? row.local_port : row.remote_port;
    }
    row.device = flow.interface;
    row.facts = flow.facts;
    if (row.identity != nullptr) {
        row.published = published_ports_of(tuple, *row.identity);
    }
    row.rx_bytes = flow.rx_bytes;
    row.tx_bytes = flow.tx_bytes;
    row.packets = flow.packets;
    row.connections = flow.sockets;
    row.unknown_connections = flow.rx_bytes && flow.tx_bytes ? 0 : flow.sockets;
    row.attribution = flow.attribution.quality;
    return row;
}

Row row_of(std::size_t flow, const Sample& sample)
{
    Row row = row_of(sample.flows[flow], sample);
    row.shared_with = sharers_of(flow, sample);
    return row;
}

namespace {

/// The beginning of the order of listed sockets, packed into numbers that are fast to compare. `peer` and `peer_port`
/// are 0 unless `place` has the whole local address.
struct Place {
    std::uint64_t place = 0; // protocol, local port, and the first bytes of the local address
    std::uint64_t peer = 0;  // pid, then the remote address
    std::uint32_t peer_port = 0;
    std::uint32_t flow = 0;
};

std::uint64_t first_bytes(const Address& address, std::size_t count)
{
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < count; ++i) {
        number = number << 8U | address.bytes[i];
    }
    return number;
}

Place place_of(std::uint32_t flow, const Sample& sample)
{
    constexpr unsigned port_bits = 16;
    constexpr unsigned family_bits = 2;
    constexpr std::size_t address_bytes = 5;
    constexpr std::uint64_t no_pid = std::numeric_limits<std::uint32_t>::max(); // sockets without an owner come last
    const auto& [protocol, local, remote] = sample.flows[flow].tuple;
    const auto owner = sample.flows[flow].attribution.process;
    Place place;
    place.flow = flow;
    place.place = static_cast<std::uint64_t>(protocol) << port_bits | local.port;
    place.place = place.place << family_bits | static_cast<std::uint64_t>(local.address.family);
    place.place = place.place << 8 * address_bytes | first_bytes(local.address, address_bytes);
    if (local.address.family != Family::v6) {
        const std::uint64_t pid = owner ? static_cast<std::uint64_t>(sample.processes[*owner].pid.value) : no_pid;
        place.peer = pid << 32U | first_bytes(remote.address, 4);
        place.peer_port = remote.port;
    }
    return place;
}

/// Compares the fields that Place may lack.
std::strong_ordering order_of(const Flow& a, const Flow& b, const Sample& sample)
{
    const auto by_place = a.tuple.local.address <=> b.tuple.local.address;
    const auto& left = a.attribution.process;
    const auto& right = b.attribution.process;
    if (by_place != 0 || left.has_value() != right.has_value()) {
        return by_place != 0 ? by_place : right.has_value() <=> left.has_value();
    }
    const auto by_pid = left ? sample.processes[*left].pid <=> sample.processes[*right].pid : by_place;
    return by_pid != 0 ? by_pid : a.tuple.remote <=> b.tuple.remote;
}

} // namespace

void sort_flows(std::vector<std::uint32_t>& flows, const Sample& sample)
{
    std::vector<Place> places;
    places.reserve(flows.size());
    std::transform(flows.begin(), flows.end(), std::back_inserter(places),
                   [&](std::uint32_t flow) { return place_of(flow, sample); });
    std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
        if (a.place != b.place || a.peer != b.peer || a.peer_port != b.peer_port) {
            return std::tie(a.place, a.peer, a.peer_port) < std::tie(b.place, b.peer, b.peer_port);
        }
        const auto order = order_of(sample.flows[a.flow], sample.flows[b.flow], sample);
        return order != 0 ? order < 0
                          : is_before(row_of(std::size_t{a.flow}, sample), row_of(std::size_t{b.flow}, sample));
    });
    std::transform(places.begin(), places.end(), flows.begin(), [](const Place& place) { return place.flow; });
}

Row row_of(const InterfaceTraffic& interface)
{
    Row row;
    row.interface = interface.name;
    row.outbound = interface.outbound;
    row.rx_bytes = interface.rx_bytes;
    row.tx_bytes = interface.tx_bytes;
    row.packets = {interface.rx_packets, interface.tx_packets, std::nullopt, std::nullopt};
    row.connections.reset(); // drivers do not count connections
    return row;
}

void add_flows(Grouping& grouping, const Sample& sample)
{
    grouping.expect_flows(sample.flows.size());
    for (std::size_t i = 0; i < sample.flows.size(); ++i) {
        grouping.add(row_of(i, sample));
    }
}

namespace {

/// A process that is not known may be any.
bool may_be_same_process(const Flow& a, const Flow& b)
{
    const auto& first = a.attribution.process;
    const auto& second = b.attribution.process;
    return !first || !second || first == second;
}

} // namespace

void join_truncated(Sample& sample)
{
    using Sought = std::tuple<Inode, Address, Address, std::string, std::uint16_t>;
    const auto sought = [&](const SampleLookup& lookup) {
        const Flow& flow = sample.flows[lookup.flow];
        return Sought{flow.netns, flow.tuple.local.address, lookup.what->resolver.value_or(Address{}),
                      in_lower_case(lookup.what->query.value_or("")),
                      lookup.what->query_type.value_or(RecordType{}).number};
    };
    std::multimap<Sought, SampleLookup*> truncated;
    for (SampleLookup& lookup : sample.lookups) {
        if (lookup.truncated != std::chrono::nanoseconds{0}) {
            truncated.emplace(sought(lookup), &lookup);
        }
    }
    if (truncated.empty()) {
        return;
    }
    for (SampleLookup& lookup : sample.lookups) {
        const Flow& flow = sample.flows[lookup.flow];
        if (flow.tuple.protocol != Protocol::tcp) {
            continue;
        }
        const auto [begin, end] = truncated.equal_range(sought(lookup));
        const auto first = std::find_if(begin, end, [&](const auto& entry) {
            const SampleLookup& answered = *entry.second;
            return answered.truncated <= lookup.asked && lookup.asked - answered.truncated < SampleLookup::follow_up &&
                   may_be_same_process(flow, sample.flows[answered.flow]);
        });
        if (first == end) {
            continue;
        }
        SampleLookup& before = *first->second;
        const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(lookup.asked - before.asked);
        for (std::uint32_t& time : lookup.what->times_us) {
            time += static_cast<std::uint32_t>(passed.count());
        }
        lookup.what->retries += before.what->retries;
        before.what.reset();
        truncated.erase(first);
    }
    std::erase_if(sample.lookups, [](const SampleLookup& lookup) { return lookup.what == nullptr; });
}

void add_lookups(Grouping& grouping, const Sample& sample)
{
    for (const SampleLookup& lookup : sample.lookups) {
        Row row = row_of(sample.flows[lookup.flow], sample);
        row.unknown_connections = 0; // of look-ups no bytes are asked
        row.lookups = lookup.what;
        grouping.add(std::move(row));
    }
}

void add_interfaces(Grouping& grouping, const std::vector<InterfaceTraffic>& interfaces)
{
    for (const InterfaceTraffic& interface : interfaces) {
        grouping.add(row_of(interface));
    }
}

} // namespace socktally
