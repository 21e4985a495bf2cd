// SPDX-License-Identifier: MIT
// The table of columns, and the functions that select columns by name. sort.cpp sorts rows by columns.
#include "table/columns.hpp"
#include "util/sum.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace socktally {

namespace {

/// Prints the time, with microseconds unless they are 0. They are 0 at the start of an hour or day of a report.
std::string text_of(TimePoint time)
{
    using namespace std::chrono;
    const bool is_whole = floor<microseconds>(time) == floor<seconds>(time);
    return is_whole ? to_short_timestamp(time) : to_timestamp(floor<system_clock::duration>(time));
}

template <typename T>
constexpr bool is_id = std::is_same_v<T, Pid> || std::is_same_v<T, Uid>;

/// Returns the largest number that a field of type T can hold; 0 if T is not an integer.
template <typename T>
constexpr std::uint64_t most_of()
{
    if constexpr (is_id<T>) {
        return std::numeric_limits<decltype(T::value)>::max();
    } else if constexpr (std::is_unsigned_v<T> && !std::is_same_v<T, bool>) {
        return std::numeric_limits<T>::max();
    } else {
        return std::is_same_v<T, StartTime> ? std::numeric_limits<std::uint64_t>::max() : 0;
    }
}

template <typename T>
Cell cell_of(const T& value)
{
    if constexpr (is_id<T>) {
        return static_cast<std::uint64_t>(value.value);
    } else if constexpr (std::is_same_v<T, StartTime>) {
        return value.ticks;
    } else if constexpr (std::is_same_v<T, bool>) {
        return std::string(value ? "yes" : "no");
    } else if constexpr (std::is_unsigned_v<T>) {
        return std::uint64_t{value};
    } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, Decimal>) {
        return value;
    } else if constexpr (std::is_same_v<T, TimePoint>) {
        return text_of(value);
    } else {
        return std::string(to_string(value)); // an address, or the name of an enumerator
    }
}

/// Returns the enumerator whose name is `word`; null if there is none. The enumerators have the values 0 to `last`.
template <typename Enum>
std::optional<Enum> value_called(std::string_view word, Enum last)
{
    for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i) {
        if (to_string(static_cast<Enum>(i)) == word) {
            return static_cast<Enum>(i);
        }
    }
    return std::nullopt;
}

void parse_text(std::string_view text, std::optional<TimePoint>& value) { value = parse_timestamp(text); }
void parse_text(std::string_view text, std::optional<Address>& value) { value = parse_address(text); }
void parse_text(std::string_view text, std::optional<Protocol>& value) { value = parse_protocol(text); }
void parse_text(std::string_view text, std::optional<RowKind>& value) { value = value_called(text, RowKind::other); }
void parse_text(std::string_view text, std::optional<Quality>& value) { value = value_called(text, Quality::unknown); }
void parse_text(std::string_view text, std::optional<NameSource>& value)
{
    value = value_called(text, NameSource::hosts);
}
void parse_text(std::string_view text, std::optional<ConnectionState>& value) { value = parse_connection_state(text); }
void parse_text(std::string_view text, std::optional<Outbound>& value)
{
    value = value_called(text, Outbound::first_up);
}
void parse_text(std::string_view text, std::optional<std::string>& value)
{
    if (value) { // reuses its memory
        value->assign(text);
    } else {
        value.emplace(text);
    }
}

/// Stores a saved value in `field`. Returns false if the field cannot have this value.
template <typename T>
bool parse_value(std::optional<T>& field, const SavedValue& saved)
{
    if (saved.is_null) {
        field.reset();
        return true;
    }
    if constexpr (is_id<T>) {
        field = T{static_cast<decltype(T::value)>(saved.number)};
    } else if constexpr (std::is_same_v<T, StartTime>) {
        field = StartTime{saved.number};
    } else if constexpr (std::is_unsigned_v<T>) {
        field = static_cast<T>(saved.number);
    } else if constexpr (std::is_same_v<T, Decimal>) {
        return false; // columns of decimals are not read from saved rows
    } else {
        parse_text(saved.text, field);
        constexpr bool may_be_key =
            std::is_same_v<T, Address> || std::is_same_v<T, Protocol> || std::is_same_v<T, ConnectionState>;
        // A row of RowKind::other is saved with "other" in the column of a key. The field is then null.
        return field || (may_be_key && saved.text == "other");
    }
    return true;
}

template <typename T, typename Part>
T type_of(std::optional<T> Part::*field);
template <typename T, typename Part>
Part part_of(std::optional<T> Part::*field);
template <auto field>
using TypeOf = decltype(type_of(field));

// A column's field is in Row itself, in Row::packets, or in a struct that several rows may share. `shared` is the
// member of Row that points to this struct.
template <typename Part>
constexpr std::shared_ptr<const Part> Row::*shared = nullptr;
template <>
constexpr std::shared_ptr<const Identity> Row::*shared<Identity> = &Row::identity;
template <>
constexpr std::shared_ptr<const SocketFacts> Row::*shared<SocketFacts> = &Row::facts;
template <>
constexpr std::shared_ptr<const RemoteName> Row::*shared<RemoteName> = &Row::remote;

template <typename T, typename Part>
const std::optional<T>& field_in(const Row& row, std::optional<T> Part::*field)
{
    if constexpr (std::is_same_v<Part, Row>) {
        return row.*field;
    } else if constexpr (std::is_same_v<Part, PacketCounts>) {
        return row.packets.*field;
    } else {
        static const Part none;
        const auto& part = row.*shared<Part>;
        return part != nullptr ? (*part).*field : none.*field;
    }
}

/// Lets `work` change a field. If the field is in a shared struct, the row first gets its own copy of the struct.
template <typename T, typename Part, typename Work>
void change(Row& row, std::optional<T> Part::*field, const Work& work)
{
    if constexpr (std::is_same_v<Part, Row>) {
        work(row.*field);
    } else if constexpr (std::is_same_v<Part, PacketCounts>) {
        work(row.packets.*field);
    } else {
        auto& part = row.*shared<Part>;
        Part own = part != nullptr ? *part : Part{};
        work(own.*field);
        part = std::make_shared<const Part>(std::move(own));
    }
}

template <auto field>
Cell value_in(const Row& row)
{
    const auto& value = field_in(row, field);
    return value ? cell_of(*value) : Cell();
}

template <auto field>
bool parse_field(Row& row, Identity& identity, const SavedValue& saved)
{
    if constexpr (std::is_same_v<decltype(part_of(field)), Identity>) {
        return parse_value(identity.*field, saved);
    } else if (saved.is_null && field_in(row, field) == std::nullopt) {
        return true;
    } else {
        bool is_valid = true;
        change(row, field, [&](auto& value) { is_valid = parse_value(value, saved); });
        return is_valid;
    }
}

/// Keeps the field of `into` if `row` has the same value, else sets it to null. A null field stays null, whatever rows
/// are merged later.
template <auto field>
void keep_common(Row& into, const Row& row)
{
    const auto& value = field_in(into, field);
    const auto& other = field_in(row, field);
    if (value && &value != &other && value != other) {
        change(into, field, [](auto& own) { own.reset(); });
    }
}

void add(std::optional<Decimal>& total, const std::optional<Decimal>& part)
{
    if (part) {
        total = Decimal{sum(total.value_or(Decimal{}).hundredths, part->hundredths)};
    }
}
using socktally::add; // without this line, the add() above would hide socktally::add()

/// Adds the value in `row` to the sum in `into`, if the value is known.
template <auto field>
void add_known(Row& into, const Row& row)
{
    add(into.*field, row.*field);
}

/// Adds the value in `row` to the sum in `into`. The sum becomes null if a value is null, because nothing else in the
/// row would show that the sum is too small.
template <auto field>
void add_all(Row& into, const Row& row)
{
    change(into, field, [&](auto& total) { add_or_lose(total, field_in(row, field)); });
}

/// Combines a figure of TCP sockets by `combine`. If `row` has no facts, it has no TCP socket, and `into` stays
/// unchanged.
template <auto field, auto combine>
void add_facts(Row& into, const Row& row)
{
    if (row.facts == nullptr) {
        return;
    }
    if (into.facts == nullptr) {
        static const auto of_none = std::make_shared<const SocketFacts>(SocketFacts{.retransmitted_bytes = 0});
        static const auto of_list = std::make_shared<const SocketFacts>(SocketFacts{.is_listed = true});
        into.facts = is_listed(row) ? of_list : of_none;
    }
    auto total = field_in(into, field);
    combine(total, field_in(row, field), is_listed(row));
    if (total != field_in(into, field)) {
        change(into, field, [&](auto& own) { own = total; });
    }
}

/// Adds up retransmitted bytes. In a row of `ports`, null means that the socket has none, because it is a listener or
/// not a TCP socket. In a row of a sample, null means unknown.
void add_bytes(std::optional<std::uint64_t>& total, const std::optional<std::uint64_t>& part, bool is_of_list)
{
    is_of_list ? add(total, part) : add_or_lose(total, part);
}

void keep_largest(std::optional<std::uint64_t>& largest, const std::optional<std::uint64_t>& value, bool /*is_of_list*/)
{
    largest = std::max(largest, value); // null is less than any number
}

void keep_worst(Row& into, const Row& row) { into.attribution = std::max(into.attribution, row.attribution); }

/// Returns the other owners of the row's sockets as text, such as "12 nginx,13 nginx".
Cell sharers_cell(const Row& row)
{
    std::string text;
    for (const Sharer& sharer : row.shared_with) {
        text += text.empty() ? "" : ",";
        text += std::to_string(sharer.pid.value) + ' ' + sharer.name;
    }
    return text.empty() ? Cell() : Cell(std::move(text));
}

void add_sharers(Row& into, const Row& row)
{
    std::vector<Sharer> all;
    std::set_union(into.shared_with.begin(), into.shared_with.end(), row.shared_with.begin(), row.shared_with.end(),
                   std::back_inserter(all));
    into.shared_with = std::move(all);
}

Cell bytes_cell(const Row& row)
{
    const auto bytes = sum_known(row.rx_bytes, row.tx_bytes);
    return bytes ? Cell(*bytes) : Cell();
}

/// The merge rule of a column that is computed from other columns.
void add_nothing(Row& /*into*/, const Row& /*row*/) {}

Cell unknown_cell(const Row& row) { return row.unknown_connections; }

void add_unknown(Row& into, const Row& row)
{
    into.unknown_connections = sum(into.unknown_connections, row.unknown_connections);
}

bool parse_unknown(Row& row, Identity& /*identity*/, const SavedValue& saved)
{
    row.unknown_connections = saved.number;
    return true;
}

/// The type of Column::merge.
using Merge = void (*)(Row& into, const Row& row);

/// Returns the value of a field of NameLookups, or what a function of them returns. Rows that sum the rest past --top
/// have only sums.
template <auto field>
Cell lookup_cell(const Row& row)
{
    if (row.lookups == nullptr) {
        return {};
    }
    const auto value = std::invoke(field, *row.lookups);
    if constexpr (std::is_same_v<decltype(value), const std::uint64_t>) {
        return value;
    } else {
        return value && !row.is_other() ? cell_of(*value) : Cell();
    }
}

/// Returns "192.0.2.1,192.0.2.2". A name has no comma that is not escaped.
Cell answer_cell(const Row& row)
{
    const bool has_answers = row.lookups != nullptr && !row.lookups->answers.empty() && !row.is_other();
    return has_answers ? Cell(fmt::format("{}", fmt::join(row.lookups->answers, ","))) : Cell();
}

/// Adds up everything that is known of the look-ups of two rows. The other columns of look-ups add nothing.
void add_lookups(Row& into, const Row& row)
{
    if (row.lookups == nullptr) {
        return;
    }
    if (into.lookups == nullptr) {
        into.lookups = std::make_shared<NameLookups>();
    } else if (into.lookups.use_count() > 1) {
        into.lookups = std::make_shared<NameLookups>(*into.lookups);
    }
    into.lookups->add(*row.lookups);
}

/// Makes a column of `dns`. It is not read from saved rows: report does not take rows of `dns`.
constexpr Column looked_up(std::string_view name, CellType type, std::string_view unit, std::string_view header,
                           std::string_view metric, Cell (*value)(const Row&), std::string_view description)
{
    return {name, type, unit, description, header, Requirement::lookups, metric, value, add_nothing, nullptr, 0};
}

/// Makes the column of a field. By default, merging keeps a value only if both rows have it.
template <auto field>
constexpr Column fact(std::string_view name, std::string_view header, std::string_view description,
                      Requirement requirement = Requirement::processes, std::string_view unit = {},
                      std::string_view metric = {}, Merge merge = keep_common<field>)
{
    constexpr bool is_decimal = std::is_same_v<TypeOf<field>, Decimal>;
    constexpr std::uint64_t most = most_of<TypeOf<field>>();
    constexpr CellType type = is_decimal ? CellType::decimal : most != 0 ? CellType::integer : CellType::string;
    return {name, type, unit, description, header, requirement, metric, value_in<field>, merge, parse_field<field>,
            most};
}

/// Makes the column of a figure. `merge` combines the figures of two rows.
template <auto field>
constexpr Column figure(std::string_view name, std::string_view header, std::string_view unit, std::string_view metric,
                        Merge merge, std::string_view description, Requirement requirement = Requirement::processes)
{
    return fact<field>(name, header, description, requirement, unit, metric, merge);
}

/// Marks a column that is computed from other columns. `report` does not read such a column.
constexpr Column derived(Column column)
{
    column.parse = nullptr;
    return column;
}

/// Makes a column that only `ports` sets. `report` does not read it, because `report` refuses output of `ports`.
template <auto field>
constexpr Column listed(std::string_view name, std::string_view header, std::string_view description)
{
    return derived(fact<field>(name, header, description, Requirement::sockets));
}

constexpr std::array table = {
    fact<&Row::pid>("pid", "PID", "process id; null for traffic without an owner"),
    fact<&Row::process>("process", "PROCESS",
                        "process name (comm of the group leader), or in brackets why the traffic has no owner"),
    fact<&Row::kind>("kind", "KIND", "process; cause: process says why there is no owner; other: the rest past --top"),
    fact<&Row::start_time>("start_time", "STARTED",
                           "when the process started, in 1/100 s; with pid it names a process for good",
                           Requirement::processes, "ticks since boot"),
    fact<&Row::user>("user", "USER", "name of the process's effective user, its number where it has no name"),
    fact<&Row::uid>("uid", "UID", "number of the process's effective user"),
    fact<&Identity::parent>("ppid", "PPID", "process id of the parent", Requirement::parent),
    fact<&Identity::exe>("exe", "EXE", "path of the file that the process runs", Requirement::exe),
    fact<&Identity::command>("command", "COMMAND", "command line, which may hold secrets", Requirement::command),
    fact<&Identity::cgroup>("cgroup", "CGROUP", "path of the cgroup, the process's or else the socket's",
                            Requirement::cgroup),
    fact<&Identity::unit>("unit", "UNIT", "systemd service or scope, below a user's systemd the user's",
                          Requirement::cgroup),
    fact<&Identity::container>("container", "CONTAINER", "name of the container, or the first 12 digits of its id",
                               Requirement::containers),
    fact<&Identity::container_id>("container_id", "CONTAINER ID", "id of the container, 64 hexadecimal digits",
                                  Requirement::cgroup),
    fact<&Identity::image>("image", "IMAGE", "image that the container was made from", Requirement::containers),
    fact<&Identity::pod>("pod", "POD", "name of the pod, or its uid", Requirement::containers),
    fact<&Identity::pod_namespace>("namespace", "NAMESPACE", "Kubernetes namespace of the pod",
                                   Requirement::containers),
    fact<&Row::netns_name>("netns", "NETNS", "network namespace of the socket: its name in /run/netns, else its number",
                           Requirement::netns),
    fact<&Row::protocol>("protocol", "PROTO", "tcp, udp, udplite, icmp, raw, sctp, dccp, mptcp or packet",
                         Requirement::tuples),
    fact<&Row::local_address>("local_address", "LOCAL", "IP address of this end", Requirement::tuples),
    fact<&Row::local_port>("local_port", "LPORT", "port of this end", Requirement::tuples),
    fact<&Row::remote_address>("remote_address", "REMOTE", "IP address of the other end", Requirement::peers),
    fact<&Row::remote_port>("remote_port", "RPORT", "port of the other end", Requirement::peers),
    fact<&RemoteName::name>("remote_name", "NAME", "name of the remote address; needs --resolve", Requirement::names),
    fact<&RemoteName::source>("name_source", "NAME FROM",
                              "where remote_name comes from: reverse (look-up), or hosts (/etc/hosts)",
                              Requirement::names),
    fact<&Row::port>("port", "PORT", "port of the service: the local one where this end accepted, else the remote one",
                     Requirement::peers),
    fact<&Row::published>("published", "PUBLISHED",
                          "port of this machine by which a container's is reached, as in 0.0.0.0:8080->80/tcp",
                          Requirement::ports),
    fact<&SocketFacts::state>("state", "STATE", "state of the socket, as ss(8) names it: listening, established, ...",
                              Requirement::state),
    listed<&SocketFacts::rx_queue>("rx_queue", "RX QUEUE",
                                   "bytes not read yet; of a listener the connections that wait to be accepted"),
    listed<&SocketFacts::tx_queue>("tx_queue", "TX QUEUE", "bytes not acknowledged yet, or not sent"),
    listed<&SocketFacts::backlog>("backlog", "BACKLOG",
                                  "how many connections may wait to be accepted, if the socket listens"),
    listed<&SocketFacts::device>("device", "DEVICE", "network interface that the socket is bound to"),
    listed<&SocketFacts::v6_only>("v6only", "V6ONLY", "yes if an IPv6 socket takes no IPv4 (IPV6_V6ONLY), else no"),
    fact<&Row::interface>("interface", "INTERFACE", "name of the network interface; only with --by interface",
                          Requirement::interfaces),
    fact<&Row::outbound>("outbound", "OUTBOUND",
                         "default: traffic to anywhere leaves here; fallback: no route says so, but it is the first up",
                         Requirement::interfaces),
    figure<&Row::rx_bytes>("rx_bytes", "RX", "bytes", "receive_bytes", add_known<&Row::rx_bytes>,
                           "payload that the process received, as far as known; of an interface whole frames"),
    figure<&Row::tx_bytes>("tx_bytes", "TX", "bytes", "transmit_bytes", add_known<&Row::tx_bytes>,
                           "payload that the process sent, as far as known; of an interface whole frames"),
    derived(figure<&Row::rx_bytes_per_sec>("rx_bytes_per_sec", "RX/s", "bytes per second", "receive_bytes_per_second",
                                           add_known<&Row::rx_bytes_per_sec>, "rx_bytes by the length of the window")),
    derived(figure<&Row::tx_bytes_per_sec>("tx_bytes_per_sec", "TX/s", "bytes per second", "transmit_bytes_per_second",
                                           add_known<&Row::tx_bytes_per_sec>, "tx_bytes by the length of the window")),
    Column{"bytes", CellType::integer, "bytes", "rx_bytes and tx_bytes together", "BYTES", Requirement::sums, "bytes",
           bytes_cell, add_nothing, nullptr, most_of<std::uint64_t>()},
    derived(figure<&Row::bytes_per_sec>("bytes_per_sec", "BYTES/s", "bytes per second", "bytes_per_second",
                                        add_known<&Row::bytes_per_sec>, "bytes by the length of the window",
                                        Requirement::sums)),
    derived(figure<&Row::bits_per_sec>("bits_per_sec", "BITS/s", "bits per second", "bit_rate",
                                       add_known<&Row::bits_per_sec>, "bytes_per_sec in bits", Requirement::sums)),
    derived(figure<&Row::share>("share", "SHARE", "percent", "share_ratio", add_known<&Row::share>,
                                "part of all bytes, received and sent, that are known")),
    figure<&PacketCounts::rx_packets>("rx_packets", "RX PKTS", "packets", "receive_packets",
                                      add_all<&PacketCounts::rx_packets>,
                                      "packets received, as they came out of the driver", Requirement::packets),
    figure<&PacketCounts::tx_packets>("tx_packets", "TX PKTS", "packets", "transmit_packets",
                                      add_all<&PacketCounts::tx_packets>,
                                      "packets sent, as they were handed to the driver", Requirement::packets),
    figure<&PacketCounts::rx_ip_bytes>("rx_ip_bytes", "RX IP", "bytes", "receive_ip_bytes",
                                       add_all<&PacketCounts::rx_ip_bytes>,
                                       "length of the received packets from the IP header on", Requirement::packets),
    figure<&PacketCounts::tx_ip_bytes>("tx_ip_bytes", "TX IP", "bytes", "transmit_ip_bytes",
                                       add_all<&PacketCounts::tx_ip_bytes>,
                                       "length of the sent packets from the IP header on", Requirement::packets),
    figure<&SocketFacts::retransmitted_bytes>("retransmitted_bytes", "RETRANS", "bytes", "retransmitted_bytes",
                                              add_facts<&SocketFacts::retransmitted_bytes, add_bytes>,
                                              "payload that TCP sent again in the window (tcpi_bytes_retrans)",
                                              Requirement::tcp_info),
    figure<&SocketFacts::rtt_us>(
        "rtt_us", "RTT us", "microseconds", "rtt_seconds", add_facts<&SocketFacts::rtt_us, keep_largest>,
        "smoothed round-trip time of TCP, the largest of the row (tcpi_rtt)", Requirement::tcp_info),
    figure<&Row::connections>("connections", "CONNS", "", "connections", add_all<&Row::connections>,
                              "sockets in the row that moved bytes, or may have"),
    Column{"unknown_connections", CellType::integer, "",
           "sockets of the row whose bytes are unknown: the sums lack theirs", "UNKNOWN", Requirement::processes,
           "unknown_connections", unknown_cell, add_unknown, parse_unknown, most_of<std::uint64_t>()},
    Column{"attribution", CellType::string, "",
           "how sure the owner is, the worst of the row: exact, owner, shared, inherited, socket, unknown",
           "ATTRIBUTION", Requirement::processes, "", value_in<&Row::attribution>, keep_worst,
           parse_field<&Row::attribution>, 0},
    Column{"shared_with", CellType::string, "", "the other owners of the row's sockets, pid and name each",
           "SHARED WITH", Requirement::sharers, "", sharers_cell, add_sharers, nullptr, 0},
    looked_up("query", CellType::string, "", "QUERY", "", lookup_cell<&NameLookups::query>,
              "name that was asked for, without the last dot"),
    looked_up("query_type", CellType::string, "", "TYPE", "", lookup_cell<&NameLookups::query_type>,
              "type of the record that was asked for: A, AAAA, HTTPS, SRV, PTR, TYPE65280, ..."),
    looked_up("resolver", CellType::string, "", "RESOLVER", "", lookup_cell<&NameLookups::resolver>,
              "IP address that was asked"),
    looked_up("resolver_port", CellType::integer, "", "RESOLVER PORT", "", lookup_cell<&NameLookups::resolver_port>,
              "port that was asked"),
    looked_up("service", CellType::string, "", "SERVICE", "", lookup_cell<&NameLookups::service>, "dns, mdns or llmnr"),
    Column{"lookups", CellType::integer, "", "look-ups; each counts once, however often it was sent", "LOOKUPS",
           Requirement::lookups, "lookups", lookup_cell<&NameLookups::lookups>, add_lookups, nullptr, 0},
    looked_up("answered", CellType::integer, "", "ANSWERED", "lookups_answered", lookup_cell<&NameLookups::answered>,
              "look-ups with an answer, an error too"),
    looked_up("failed", CellType::integer, "", "FAILED", "lookups_failed", lookup_cell<&NameLookups::failed>,
              "look-ups without an answer after 6 s, or with an error other than NXDOMAIN"),
    looked_up("retries", CellType::integer, "", "RETRIES", "lookup_retries", lookup_cell<&NameLookups::retries>,
              "queries that were sent again from the same socket"),
    looked_up("outcome", CellType::string, "", "OUTCOME", "", lookup_cell<&NameLookups::outcome>,
              "the worst of the row: NOERROR, empty, NXDOMAIN, SERVFAIL, ..., timeout"),
    looked_up("answer", CellType::string, "", "ANSWER", "", answer_cell,
              "addresses and names in the answers, in order, separated by commas"),
    looked_up("ttl_s", CellType::integer, "seconds", "TTL s", "lookup_ttl_seconds", lookup_cell<&NameLookups::ttl_s>,
              "smallest time to live in the answers"),
    looked_up("time_us", CellType::integer, "microseconds", "TIME us", "lookup_seconds",
              lookup_cell<&NameLookups::median_us>, "time from the query to the answer, the median of the row"),
    looked_up("time_max_us", CellType::integer, "microseconds", "LONGEST us", "lookup_longest_seconds",
              lookup_cell<&NameLookups::longest_us>, "time from the query to the answer, the longest of the row"),
    fact<&Row::time>("time", "TIME", "when the window began; in a report that is cut up, the hour or the day",
                     Requirement::reports),
    fact<&Row::host>("host", "HOST", "name of the machine", Requirement::reports),
};
static_assert(table.size() <= ColumnSet().size());

void add_once(ColumnList& list, const Column& column)
{
    if (std::find(list.begin(), list.end(), &column) == list.end()) {
        list.push_back(&column);
    }
}

/// Adds the columns in `names`, which are valid names separated by commas.
void add_names(ColumnList& list, std::string_view names)
{
    for (const auto name : names.empty() ? std::vector<std::string_view>() : split(names, ',')) {
        add_once(list, *find_column(name));
    }
}

} // namespace

std::string_view to_string(RowKind kind)
{
    switch (kind) {
    case RowKind::process: return "process";
    case RowKind::cause: return "cause";
    case RowKind::other: break;
    }
    return "other";
}

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

std::size_t index_of(const Column& column) { return static_cast<std::size_t>(&column - table.data()); }

ColumnSet column_set(std::string_view names)
{
    ColumnSet set;
    ColumnList list;
    add_names(list, names);
    for (const Column* column : list) {
        set.set(index_of(*column));
    }
    return set;
}

std::string names_of(const ColumnSet& set)
{
    std::string names;
    for (const Column& column : table) {
        if (set.test(index_of(column))) {
            names.append(names.empty() ? "" : ",").append(column.name);
        }
    }
    return names;
}

/// With --by connection, each row is one socket, so every column has one value.
ColumnSet settled_columns(const GroupBy& by)
{
    ColumnSet set;
    for (const Key* key : by.keys()) {
        set |= column_set(key->columns) | column_set(key->settles);
    }
    return by.has("connection") ? set.set() : set;
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
    std::stable_partition(valid.begin(), valid.end(), [](std::string_view each) { // "rx" means rx_bytes, not rx_queue
        const Requirement requirement = find_column(each)->requirement;
        return requirement != Requirement::sockets && requirement != Requirement::lookups;
    });
    const auto word = nearest(name, valid);
    throw std::invalid_argument(fmt::format("unknown column {}: {}", quote(name),
                                            word ? fmt::format("did you mean {:?}?", *word) : "see --list-columns"));
}

Cell cell(const Column& column, const Row& row, const GroupBy& by)
{
    if (!row.is_other() || column.type != CellType::string) {
        return column.value(row);
    }
    const auto is_column_of = [&](const Key* key) { return key->columns == column.name; };
    const auto keys = by.keys();
    return std::any_of(keys.begin(), keys.end(), is_column_of) ? Cell("other") : column.value(row);
}

namespace {

/// Returns whether rows by these keys may have a value in the column: listed sockets and look-ups have no bytes.
bool may_have(const GroupBy& by, const Column& column)
{
    if (by.counts_lookups()) {
        return !column.is_sum() || column.requirement == Requirement::lookups;
    }
    return !by.is_of_list() || !column.is_sum() || (column.name == "connections" && !by.is_by_socket());
}

} // namespace

ColumnList default_columns(const GroupBy& by)
{
    ColumnList list;
    if (by.keys().size() == 1 && !by.counts_lookups()) {
        list = select_columns(by.keys().front()->defaults, {});
    } else {
        for (const Key* key : by.keys()) {
            add_names(list, key->beside);
            add_names(list, key->columns);
        }
        add_names(list, !by.counts_lookups() ? "rx_bytes,tx_bytes,connections"
                        : by.has("query")    ? "lookups,failed,outcome,answer,time_us"
                                             : "lookups,failed,outcome,time_us");
    }
    std::erase_if(list, [&](const Column* column) { return !may_have(by, *column); });
    return list;
}

ColumnList series_columns(const GroupBy& by)
{
    ColumnList list;
    for (const Key* key : by.keys()) {
        add_names(list, key->labels);
    }
    add_names(list, by.is_of_list()        ? "connections"
                    : by.counts_lookups()  ? "lookups,answered,failed,retries,time_us,time_max_us"
                    : by.is_by_interface() ? "rx_bytes,tx_bytes,rx_packets,tx_packets"
                                           : "rx_bytes,tx_bytes,unknown_connections");
    return list;
}

namespace {

/// Returns whether the requirement is met at no extra cost if rows are grouped by `by`.
bool comes_with(Requirement requirement, const GroupBy& by)
{
    switch (requirement) {
    case Requirement::processes: return true;
    case Requirement::tuples:
    case Requirement::peers: return !by.is_by_owner();
    case Requirement::sockets: return by.is_by_socket();
    case Requirement::lookups: return by.counts_lookups();
    case Requirement::state: return by.is_by_socket() || by.requires_any(requirement);
    case Requirement::cgroup: return by.requires_any(requirement) || by.requires_any(Requirement::containers);
    default: return by.requires_any(requirement);
    }
}

} // namespace

ColumnList all_columns(const GroupBy& by)
{
    if (by.is_by_interface()) {
        return default_columns(by);
    }
    ColumnList result = by.is_by_socket() || by.counts_lookups() ? default_columns(by) : ColumnList();
    for (const Column& column : table) {
        if (comes_with(column.requirement, by) && may_have(by, column)) {
            add_once(result, column);
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

} // namespace socktally
