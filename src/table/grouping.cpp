// SPDX-License-Identifier: MIT
// Grouping by hash. A row starts as its first flow; each further one is merged into it.
#include "table/grouping.hpp"

#include "table/flow_owner.hpp"
#include "table/merge.hpp"
#include "util/sum.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>

namespace socktally {

namespace {

std::optional<Address> address_of(const Endpoint& endpoint)
{
    return endpoint.address.family == Family::none ? std::nullopt : std::optional(endpoint.address);
}

std::optional<std::uint16_t> port_of(const Endpoint& endpoint)
{
    return endpoint.port == 0 ? std::nullopt : std::optional(endpoint.port);
}

std::optional<std::uint16_t> service_port_of(const Flow& flow)
{
    const auto remote = port_of(flow.tuple.remote);
    return flow.accepted || !remote ? port_of(flow.tuple.local) : remote;
}

/// What flows of one row have in common. Which fields are used depends on the grouping; the others stay empty.
struct Key {
    std::uint64_t number = 0;
    std::optional<Uid> uid;
    Address address;
    std::optional<std::string_view> name;
    bool owned = true; // keeps "[exited]", the cause, apart from a process of that name
    bool operator==(const Key&) const = default;
};

struct KeyHash {
    std::size_t operator()(const Key& key) const
    {
        const auto& bytes = key.address.bytes;
        const std::string_view address(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const std::hash<std::string_view> hash;
        std::size_t result = hash(key.name.value_or(""));
        for (const std::size_t part : {hash(address), std::size_t{key.uid ? key.uid->value + 1U : 0U},
                                       std::size_t{key.number}, std::size_t{key.owned}}) {
            result = result * 0x9e3779b97f4a7c15U + part;
        }
        return result;
    }
};

Key process_key(const Flow& flow)
{
    const Attribution& attribution = flow.attribution;
    Key key;
    key.owned = attribution.process.has_value();
    key.number = key.owned ? *attribution.process : static_cast<std::uint64_t>(attribution.cause);
    if (attribution.cause == Cause::other_user) {
        key.uid = flow.uid;
    }
    return key;
}

Key name_key(const Flow& flow, const Sample& sample)
{
    Key key;
    key.owned = flow.attribution.process.has_value();
    key.name = name_of(flow, sample);
    return key;
}

/// Keeps traffic whose process and socket cgroup are both unknown apart from that of processes in no unit.
Key identity_key(const Flow& flow, const Sample& sample, std::optional<std::string> Identity::*field)
{
    const auto identity = identity_of(flow, sample);
    if (!flow.attribution.process && identity == nullptr) {
        return name_key(flow, sample);
    }
    Key key;
    key.name = known(identity.get(), field); // the sample keeps it
    return key;
}

/// Two containers may have the same name: those with an id are told apart by it, and pods by their uid.
Key container_key(const Flow& flow, const Sample& sample)
{
    const bool has_id = known(identity_of(flow, sample).get(), &Identity::container_id).has_value();
    return identity_key(flow, sample, has_id ? &Identity::container_id : &Identity::container);
}

Key key_of(const Flow& flow, const Sample& sample, GroupBy by)
{
    Key key;
    switch (by) {
    case GroupBy::process: return process_key(flow);
    case GroupBy::name: return name_key(flow, sample);
    case GroupBy::connection: // never asked: group() gives each flow a row of its own,
    case GroupBy::interface:  // and rows_of() makes these of no flow
        break;
    case GroupBy::user: key.uid = uid_of(flow, sample); break;
    case GroupBy::remote: key.address = flow.tuple.remote.address; break;
    case GroupBy::port: key.number = service_port_of(flow).value_or(0); break;
    case GroupBy::protocol: key.number = static_cast<std::uint64_t>(flow.tuple.protocol); break;
    case GroupBy::cgroup: return identity_key(flow, sample, &Identity::cgroup);
    case GroupBy::unit: return identity_key(flow, sample, &Identity::unit);
    case GroupBy::container: return container_key(flow, sample);
    case GroupBy::pod: return identity_key(flow, sample, &Identity::pod_uid);
    case GroupBy::netns: key.number = netns_of(flow, sample).value; break;
    }
    return key;
}

bool has_unknown_bytes(const Flow& flow) { return !flow.rx_bytes || !flow.tx_bytes; }

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

/// `index` is one of Sample::flows.
Row row_of(std::size_t index, const Sample& sample)
{
    const Flow& flow = sample.flows[index];
    Row row;
    row.shared_with = sharers_of(index, sample);
    row.kind = RowKind::cause;
    if (const Process* owner = owner_of(flow, sample)) {
        row.kind = RowKind::process;
        row.pid = owner->pid;
        row.start_time = owner->start_time;
    }
    row.identity = identity_of(flow, sample);
    row.process = name_of(flow, sample);
    row.uid = uid_of(flow, sample);
    if (const Inode netns = netns_of(flow, sample); netns != Inode{}) {
        row.netns = netns;
    }
    row.protocol = flow.tuple.protocol;
    row.local_address = address_of(flow.tuple.local);
    row.local_port = port_of(flow.tuple.local);
    row.remote_address = address_of(flow.tuple.remote);
    row.remote_port = port_of(flow.tuple.remote);
    row.port = service_port_of(flow);
    row.published = published_ports_of(flow, sample);
    row.rx_bytes = flow.rx_bytes;
    row.tx_bytes = flow.tx_bytes;
    row.packets = flow.packets;
    row.connections = flow.sockets;
    row.unknown_connections = has_unknown_bytes(flow) ? flow.sockets : 0;
    row.attribution = flow.attribution.quality;
    return row;
}

} // namespace

std::vector<Row> group(const Sample& sample, const Filter& filter, GroupBy by, bool idle)
{
    std::vector<Row> rows;
    std::unordered_map<Key, std::size_t, KeyHash> index;
    if (by == GroupBy::connection) {
        rows.reserve(sample.flows.size());
    }
    for (std::size_t i = 0; i < sample.flows.size(); ++i) {
        const Flow& flow = sample.flows[i];
        if ((!idle && !flow.may_have_traffic()) || !filter.matches(flow, sample)) {
            continue;
        }
        if (by == GroupBy::connection) {
            rows.push_back(row_of(i, sample));
            continue;
        }
        const auto [place, is_new] = index.try_emplace(key_of(flow, sample, by), rows.size());
        if (is_new) {
            rows.push_back(row_of(i, sample));
        } else {
            merge(rows[place->second], row_of(i, sample));
        }
    }
    return rows;
}

Totals total(const Sample& sample, const Filter& filter)
{
    KnownSum rx;
    KnownSum tx;
    KnownSum unattributed_rx;
    KnownSum unattributed_tx;
    std::uint64_t unknown_connections = 0;
    for (const Flow& flow : sample.flows) {
        if (!filter.matches(flow, sample)) {
            continue;
        }
        rx.add(flow.rx_bytes);
        tx.add(flow.tx_bytes);
        unknown_connections += has_unknown_bytes(flow) ? flow.sockets : 0;
        if (!flow.attribution.process) {
            unattributed_rx.add(flow.rx_bytes);
            unattributed_tx.add(flow.tx_bytes);
        }
    }
    return {rx.value(), tx.value(), unattributed_rx.value(), unattributed_tx.value(), unknown_connections};
}

std::vector<Row> rows_of(const std::vector<InterfaceTraffic>& interfaces, bool idle)
{
    std::vector<Row> rows;
    for (const InterfaceTraffic& interface : interfaces) {
        if (!idle && interface.rx_bytes == 0 && interface.tx_bytes == 0) {
            continue;
        }
        Row& row = rows.emplace_back();
        row.interface = interface.name;
        row.outbound = interface.outbound;
        row.rx_bytes = interface.rx_bytes;
        row.tx_bytes = interface.tx_bytes;
        row.packets = {interface.rx_packets, interface.tx_packets, std::nullopt, std::nullopt};
        row.connections.reset(); // drivers know none
    }
    return rows;
}

Totals total(const std::vector<InterfaceTraffic>& interfaces)
{
    Totals totals;
    for (const InterfaceTraffic& interface : interfaces) {
        add(totals.rx_bytes, interface.rx_bytes);
        add(totals.tx_bytes, interface.tx_bytes);
    }
    totals.unattributed_rx_bytes.reset();
    totals.unattributed_tx_bytes.reset();
    return totals;
}

} // namespace socktally
