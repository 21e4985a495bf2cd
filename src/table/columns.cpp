// SPDX-License-Identifier: MIT
// The column table, and what is decided by column names alone: selecting and sorting. Formats are elsewhere.
#include "table/columns.hpp"
#include "util/sum.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <compare>
#include <numeric>
#include <stdexcept>
#include <tuple>

namespace socktally {

namespace {

Cell to_cell(const std::optional<std::string>& text) { return text ? Cell(*text) : Cell(); }

Cell to_cell(const std::optional<Address>& address) { return address ? Cell(to_string(*address)) : Cell(); }

Cell to_cell(const std::optional<Pid>& pid) { return pid ? Cell(static_cast<std::uint64_t>(pid->value)) : Cell(); }

/// "12 nginx,13 nginx"
Cell sharers_cell(const Row& row)
{
    std::string text;
    for (const Sharer& sharer : row.shared_with) {
        text += text.empty() ? "" : ",";
        text += std::to_string(sharer.pid.value) + ' ' + sharer.name;
    }
    return text.empty() ? Cell() : Cell(std::move(text));
}

/// A part of what the row's processes have in common.
template <auto field>
Cell identity_cell(const Row& row)
{
    return row.identity ? to_cell((*row.identity).*field) : Cell();
}

template <typename T>
requires std::is_unsigned_v<T> Cell to_cell(const std::optional<T>& number)
{
    return number ? Cell(std::uint64_t{*number}) : Cell();
}

template <typename Enum>
Cell name_cell(const std::optional<Enum>& value)
{
    return value ? Cell(std::string(to_string(*value))) : Cell();
}

/// Windows may be shorter than a second; hours and days begin with a whole one.
Cell time_cell(const Row& row)
{
    using namespace std::chrono;
    if (!row.time) {
        return {};
    }
    const bool is_whole = floor<microseconds>(*row.time) == floor<seconds>(*row.time);
    return is_whole ? Cell(to_short_timestamp(*row.time))
                    : Cell(to_timestamp(floor<system_clock::duration>(*row.time)));
}

constexpr std::array table = {
    Column{"pid", CellType::integer, "", "process id; null for traffic without an owner",
           [](const Row& row) { return to_cell(row.pid); }, "PID"},
    Column{"process", CellType::string, "",
           "process name (comm of the group leader), or in brackets why the traffic has no owner",
           [](const Row& row) { return to_cell(row.process); }, "PROCESS"},
    Column{"kind", CellType::string, "",
           "process; cause: process says why there is no owner; other: the rest past --top",
           [](const Row& row) { return name_cell(row.kind); }, "KIND"},
    Column{"start_time", CellType::integer, "ticks since boot",
           "when the process started, in 1/100 s; with pid it names a process for good",
           [](const Row& row) { return row.start_time ? Cell(row.start_time->ticks) : Cell(); }, "STARTED"},
    Column{"user", CellType::string, "", "name of the process's effective user, its number where it has no name",
           [](const Row& row) { return to_cell(row.user); }, "USER"},
    Column{"uid", CellType::integer, "", "number of the process's effective user",
           [](const Row& row) { return row.uid ? Cell(std::uint64_t{row.uid->value}) : Cell(); }, "UID"},
    Column{"ppid", CellType::integer, "", "process id of the parent", identity_cell<&Identity::parent>, "PPID",
           Needs::parent},
    Column{"exe", CellType::string, "", "path of the file that the process runs", identity_cell<&Identity::exe>, "EXE",
           Needs::exe},
    Column{"command", CellType::string, "", "command line, which may hold secrets", identity_cell<&Identity::command>,
           "COMMAND", Needs::command},
    Column{"cgroup", CellType::string, "", "path of the cgroup, the process's or else the socket's",
           identity_cell<&Identity::cgroup>, "CGROUP", Needs::cgroup},
    Column{"unit", CellType::string, "", "systemd service or scope, below a user's systemd the user's",
           identity_cell<&Identity::unit>, "UNIT", Needs::cgroup},
    Column{"container", CellType::string, "", "name of the container, or the first 12 digits of its id",
           identity_cell<&Identity::container>, "CONTAINER", Needs::containers},
    Column{"container_id", CellType::string, "", "id of the container, 64 hexadecimal digits",
           identity_cell<&Identity::container_id>, "CONTAINER ID", Needs::cgroup},
    Column{"image", CellType::string, "", "image that the container was made from", identity_cell<&Identity::image>,
           "IMAGE", Needs::containers},
    Column{"pod", CellType::string, "", "name of the pod, or its uid", identity_cell<&Identity::pod>, "POD",
           Needs::containers},
    Column{"namespace", CellType::string, "", "Kubernetes namespace of the pod",
           identity_cell<&Identity::pod_namespace>, "NAMESPACE", Needs::containers},
    Column{"netns", CellType::string, "", "network namespace of the socket: its name in /run/netns, else its number",
           [](const Row& row) { return to_cell(row.netns_name); }, "NETNS", Needs::netns},
    Column{"protocol", CellType::string, "", "tcp, udp, udplite, icmp, raw, sctp, dccp, mptcp or packet",
           [](const Row& row) { return name_cell(row.protocol); }, "PROTO", Needs::tuples},
    Column{"local_address", CellType::string, "", "IP address of this end",
           [](const Row& row) { return to_cell(row.local_address); }, "LOCAL", Needs::tuples},
    Column{"local_port", CellType::integer, "", "port of this end",
           [](const Row& row) { return to_cell(row.local_port); }, "LPORT", Needs::tuples},
    Column{"remote_address", CellType::string, "", "IP address of the other end",
           [](const Row& row) { return to_cell(row.remote_address); }, "REMOTE", Needs::peers},
    Column{"remote_port", CellType::integer, "", "port of the other end",
           [](const Row& row) { return to_cell(row.remote_port); }, "RPORT", Needs::peers},
    Column{"port", CellType::integer, "",
           "port of the service: the local one where this end accepted, else the remote one",
           [](const Row& row) { return to_cell(row.port); }, "PORT", Needs::peers},
    Column{"published", CellType::string, "",
           "port of this machine by which a container's is reached, as in 0.0.0.0:8080->80/tcp",
           [](const Row& row) { return to_cell(row.published); }, "PUBLISHED", Needs::ports},
    Column{"interface", CellType::string, "", "name of the network interface; only with --by interface",
           [](const Row& row) { return to_cell(row.interface); }, "INTERFACE", Needs::interfaces},
    Column{"outbound", CellType::string, "",
           "default: traffic to anywhere leaves here; fallback: no route says so, but it is the first up",
           [](const Row& row) { return name_cell(row.outbound); }, "OUTBOUND", Needs::interfaces},
    Column{"rx_bytes", CellType::integer, "bytes",
           "payload that the process received, as far as known; of an interface whole frames",
           [](const Row& row) { return to_cell(row.rx_bytes); }, "RX", Needs::processes, "receive_bytes"},
    Column{"tx_bytes", CellType::integer, "bytes",
           "payload that the process sent, as far as known; of an interface whole frames",
           [](const Row& row) { return to_cell(row.tx_bytes); }, "TX", Needs::processes, "transmit_bytes"},
    Column{"rx_bytes_per_sec", CellType::integer, "bytes per second", "rx_bytes by the length of the window",
           [](const Row& row) { return to_cell(row.rx_bytes_per_sec); }, "RX/s", Needs::processes,
           "receive_bytes_per_second"},
    Column{"tx_bytes_per_sec", CellType::integer, "bytes per second", "tx_bytes by the length of the window",
           [](const Row& row) { return to_cell(row.tx_bytes_per_sec); }, "TX/s", Needs::processes,
           "transmit_bytes_per_second"},
    Column{"share", CellType::decimal, "percent", "part of all bytes, received and sent, that are known",
           [](const Row& row) { return row.share ? Cell(*row.share) : Cell(); }, "SHARE", Needs::processes,
           "share_ratio"},
    Column{"rx_packets", CellType::integer, "packets", "packets received, as they came out of the driver",
           [](const Row& row) { return to_cell(row.packets.rx_packets); }, "RX PKTS", Needs::packets,
           "receive_packets"},
    Column{"tx_packets", CellType::integer, "packets", "packets sent, as they were handed to the driver",
           [](const Row& row) { return to_cell(row.packets.tx_packets); }, "TX PKTS", Needs::packets,
           "transmit_packets"},
    Column{"rx_ip_bytes", CellType::integer, "bytes", "length of the received packets from the IP header on",
           [](const Row& row) { return to_cell(row.packets.rx_ip_bytes); }, "RX IP", Needs::packets,
           "receive_ip_bytes"},
    Column{"tx_ip_bytes", CellType::integer, "bytes", "length of the sent packets from the IP header on",
           [](const Row& row) { return to_cell(row.packets.tx_ip_bytes); }, "TX IP", Needs::packets,
           "transmit_ip_bytes"},
    Column{"connections", CellType::integer, "", "sockets in the row that moved bytes, or may have",
           [](const Row& row) { return to_cell(row.connections); }, "CONNS", Needs::processes, "connections"},
    Column{"unknown_connections", CellType::integer, "",
           "sockets of the row whose bytes are unknown: the sums lack theirs",
           [](const Row& row) { return Cell(row.unknown_connections); }, "UNKNOWN", Needs::processes,
           "unknown_connections"},
    Column{"attribution", CellType::string, "",
           "how sure the owner is, the worst of the row: exact, owner, shared, inherited, socket, unknown",
           [](const Row& row) { return name_cell(row.attribution); }, "ATTRIBUTION"},
    Column{"shared_with", CellType::string, "", "the other owners of the row's sockets, pid and name each",
           sharers_cell, "SHARED WITH", Needs::sharers},
    Column{"time", CellType::string, "", "when the window began; in a report that is cut up, the hour or the day",
           time_cell, "TIME", Needs::reports},
    Column{"host", CellType::string, "", "name of the machine", [](const Row& row) { return to_cell(row.host); },
           "HOST", Needs::reports},
};

/// The column that a grouping's rows are told apart by, where it holds text.
std::string_view text_key(GroupBy by)
{
    switch (by) {
    case GroupBy::user: return "user";
    case GroupBy::remote: return "remote_address";
    case GroupBy::protocol: return "protocol";
    case GroupBy::cgroup: return "cgroup";
    case GroupBy::unit: return "unit";
    case GroupBy::container: return "container";
    case GroupBy::pod: return "pod";
    case GroupBy::netns: return "netns";
    case GroupBy::interface: return "interface";
    case GroupBy::process:
    case GroupBy::connection:
    case GroupBy::name:
    case GroupBy::port: break;
    }
    return "process";
}

std::string_view default_names(GroupBy by)
{
    switch (by) {
    case GroupBy::connection:
        return "pid,process,protocol,local_address,local_port,remote_address,remote_port,rx_bytes,tx_bytes";
    case GroupBy::name: return "process,rx_bytes,tx_bytes,connections";
    case GroupBy::user: return "user,rx_bytes,tx_bytes,connections";
    case GroupBy::remote: return "remote_address,rx_bytes,tx_bytes,connections";
    case GroupBy::port: return "port,rx_bytes,tx_bytes,connections";
    case GroupBy::protocol: return "protocol,rx_bytes,tx_bytes,connections";
    case GroupBy::cgroup: return "cgroup,process,rx_bytes,tx_bytes,connections";
    case GroupBy::unit: return "unit,process,rx_bytes,tx_bytes,connections";
    case GroupBy::container: return "container,process,rx_bytes,tx_bytes,connections";
    case GroupBy::pod: return "namespace,pod,process,rx_bytes,tx_bytes,connections";
    case GroupBy::netns: return "netns,rx_bytes,tx_bytes,connections";
    case GroupBy::interface: return "interface,outbound,rx_bytes,tx_bytes,rx_packets,tx_packets";
    case GroupBy::process: break;
    }
    return "pid,process,rx_bytes,tx_bytes,connections,user";
}

std::string_view series_names(GroupBy by)
{
    switch (by) {
    case GroupBy::connection: return "process,user,unit,container,protocol,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::user: return "user,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::remote: return "remote_address,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::port: return "port,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::protocol: return "protocol,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::cgroup: return "cgroup,process,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::unit: return "unit,process,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::container: return "container,process,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::pod: return "namespace,pod,process,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::netns: return "netns,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::interface: return "interface,rx_bytes,tx_bytes,rx_packets,tx_packets";
    case GroupBy::name: return "process,rx_bytes,tx_bytes,unknown_connections";
    case GroupBy::process: break;
    }
    return "process,user,unit,container,rx_bytes,tx_bytes,unknown_connections";
}

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> items;
    for (;;) {
        const auto end = text.find(separator);
        items.push_back(text.substr(0, end));
        if (end == text.npos) {
            return items;
        }
        text.remove_prefix(end + 1);
    }
}

void add_once(ColumnList& list, const Column& column)
{
    if (std::find(list.begin(), list.end(), &column) == list.end()) {
        list.push_back(&column);
    }
}

/// The value that a row is sorted by. A sum is null only where all of its parts are.
Cell sort_value(const Row& row, const ColumnList& parts)
{
    Cell value = parts.front()->value(row);
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const Cell part = parts[i]->value(row);
        if (std::holds_alternative<std::monostate>(value)) {
            value = part;
        } else if (const auto* number = std::get_if<std::uint64_t>(&part)) {
            value = sum(std::get<std::uint64_t>(value), *number);
        }
    }
    return value;
}

/// Numbers descending, text ascending, nulls last.
std::weak_ordering order(const Cell& a, const Cell& b)
{
    if (a.index() != b.index()) { // a column has one type, so one of them is null
        return b.index() <=> a.index();
    }
    if (const auto* number = std::get_if<std::uint64_t>(&a)) {
        return std::get<std::uint64_t>(b) <=> *number;
    }
    if (const auto* number = std::get_if<Decimal>(&a)) {
        return std::get<Decimal>(b) <=> *number;
    }
    return a <=> b;
}

/// Every field, so that rows which differ in anything visible always come out in the same order.
auto every_field(const Row& row)
{
    static const Identity nothing;
    const Identity& identity = row.identity ? *row.identity : nothing;
    return std::tie(row.pid, row.start_time, row.process, row.kind, row.uid, row.user, identity, row.netns,
                    row.protocol, row.local_address, row.local_port, row.remote_address, row.remote_port, row.port,
                    row.published, row.interface, row.outbound, row.rx_bytes, row.tx_bytes, row.packets,
                    row.connections, row.unknown_connections, row.shared_with, row.attribution, row.time, row.host);
}

bool is_before_in_tie(const Row& a, const Row& b)
{
    if (a.pid.has_value() != b.pid.has_value()) {
        return a.pid.has_value();
    }
    return every_field(a) < every_field(b);
}

} // namespace

std::string_view to_string(CellType type)
{
    switch (type) {
    case CellType::integer: return "integer";
    case CellType::decimal: return "decimal";
    case CellType::string: break;
    }
    return "string";
}

std::span<const Column> columns() { return table; }

const Column* find_column(std::string_view name)
{
    const auto found = std::find_if(table.begin(), table.end(), [name](const Column& c) { return c.name == name; });
    return found == table.end() ? nullptr : found;
}

bool has_column(const ColumnList& list, std::string_view name)
{
    return std::any_of(list.begin(), list.end(), [name](const Column* column) { return column->name == name; });
}

const Column& require_column(std::string_view name, std::string_view spec)
{
    if (const Column* column = find_column(name)) {
        return *column;
    }
    if (name.empty()) {
        throw std::invalid_argument("empty column name in " + quote(spec));
    }
    std::array<std::string_view, table.size()> valid;
    std::transform(table.begin(), table.end(), valid.begin(), [](const Column& column) { return column.name; });
    const auto word = nearest(name, valid);
    throw std::invalid_argument(
        fmt::format("unknown column {}: {}", quote(name),
                    word ? fmt::format("did you mean {:?}?", *word) : "--list-columns names all of them"));
}

Cell cell(const Column& column, const Row& row, GroupBy by)
{
    return row.is_other() && column.name == text_key(by) ? Cell("other") : column.value(row);
}

ColumnList default_columns(GroupBy by) { return select_columns(default_names(by), {}); }

ColumnList series_columns(GroupBy by) { return select_columns(series_names(by), {}); }

namespace {

/// Whether a grouping has it read anyway.
bool comes_with(Needs needs, GroupBy by)
{
    const bool by_container = by == GroupBy::container || by == GroupBy::pod;
    switch (needs) {
    case Needs::processes: return true;
    case Needs::tuples:
    case Needs::peers: return !is_by_owner(by);
    case Needs::cgroup: return by_container || by == GroupBy::cgroup || by == GroupBy::unit;
    case Needs::containers: return by_container;
    case Needs::netns: return by == GroupBy::netns;
    case Needs::packets:
    case Needs::interfaces:
    case Needs::reports:
    case Needs::sharers:
    case Needs::ports:
    case Needs::command:
    case Needs::exe:
    case Needs::parent: break;
    }
    return false;
}

} // namespace

ColumnList all_columns(GroupBy by)
{
    if (by == GroupBy::interface) {
        return default_columns(by);
    }
    ColumnList result;
    for (const Column& column : table) {
        if (comes_with(column.needs, by)) {
            result.push_back(&column);
        }
    }
    return result;
}

ColumnList select_columns(std::string_view spec, const ColumnList& defaults)
{
    if (spec.empty()) {
        return defaults;
    }
    ColumnList result;
    std::string_view list = spec;
    if (list.front() == '+') {
        result = defaults;
        list.remove_prefix(1);
    }
    for (const auto name : split(list, ',')) {
        add_once(result, require_column(name, spec));
    }
    return result;
}

ColumnList sort_columns(std::string_view spec)
{
    if (spec.find(',') != spec.npos) {
        throw std::invalid_argument(fmt::format("cannot sort by {}: give one column, or a sum such as "
                                                "rx_bytes+tx_bytes",
                                                quote(spec)));
    }
    ColumnList parts;
    for (const auto name : split(spec.empty() ? "rx_bytes+tx_bytes" : spec, '+')) {
        parts.push_back(&require_column(name, spec));
    }
    if (parts.size() > 1) {
        for (const Column* part : parts) {
            if (part->type != CellType::integer) {
                throw std::invalid_argument("cannot sort by a sum with \"" + std::string(part->name) +
                                            "\": it is not a whole number");
            }
        }
    }
    return parts;
}

void sort_rows(std::vector<Row>& rows, std::string_view spec)
{
    const auto parts = sort_columns(spec);
    std::vector<Cell> keys;
    keys.reserve(rows.size());
    for (const Row& row : rows) {
        keys.push_back(sort_value(row, parts));
    }

    // Rows are large: sort their indices, then move each row once.
    std::vector<std::size_t> sequence(rows.size());
    std::iota(sequence.begin(), sequence.end(), 0U);
    std::sort(sequence.begin(), sequence.end(), [&](std::size_t a, std::size_t b) {
        const auto by_key = order(keys[a], keys[b]);
        return std::is_eq(by_key) ? is_before_in_tie(rows[a], rows[b]) : std::is_lt(by_key);
    });
    std::vector<Row> sorted;
    sorted.reserve(rows.size());
    for (const std::size_t i : sequence) {
        sorted.push_back(std::move(rows[i]));
    }
    rows = std::move(sorted);
}

} // namespace socktally
