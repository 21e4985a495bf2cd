// SPDX-License-Identifier: MIT
// Short ways to make the plain data that tests work on. Nothing is checked here.
#pragma once

#include "model/sample.hpp"
#include "table/flow_rows.hpp"
#include "table/row.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally::test {

inline Address address(std::string_view text) { return parse_address(text).value(); }

inline Endpoint endpoint(std::string_view text, int port) { return {address(text), static_cast<std::uint16_t>(port)}; }

inline Process process(int pid, std::uint64_t started, std::string name, std::optional<Uid> uid = Uid{1000})
{
    return {Pid{pid}, StartTime{started}, std::move(name), uid};
}

/// A client's TCP connection from 10.0.0.1:40000 to 10.0.0.2:443.
inline Flow flow(std::optional<std::uint64_t> rx, std::optional<std::uint64_t> tx)
{
    Flow result;
    result.tuple = {Protocol::tcp, endpoint("10.0.0.1", 40000), endpoint("10.0.0.2", 443)};
    result.rx_bytes = rx;
    result.tx_bytes = tx;
    return result;
}

inline Flow owned_flow(std::uint32_t process, std::optional<std::uint64_t> rx, std::optional<std::uint64_t> tx)
{
    Flow result = flow(rx, tx);
    result.attribution = {process, Cause::none, Quality::owner};
    return result;
}

inline Flow unowned_flow(Cause cause, std::optional<Uid> uid, std::uint64_t rx, std::uint64_t tx)
{
    Flow result = flow(rx, tx);
    result.uid = uid;
    result.attribution = {std::nullopt, cause, Quality::unknown};
    return result;
}

inline Row row(int pid, std::string name, std::optional<std::uint64_t> rx, std::optional<std::uint64_t> tx)
{
    Row result;
    result.kind = RowKind::process;
    result.pid = Pid{pid};
    result.process = std::move(name);
    result.rx_bytes = rx;
    result.tx_bytes = tx;
    result.connections = 1;
    result.attribution = Quality::owner;
    return result;
}

/// One second of the netlink backend that began at 2026-11-20T21:32:00.123456Z.
inline Report report(std::vector<Row> rows)
{
    using namespace std::chrono;
    Report result;
    result.host = "box";
    result.boot_id = "0f3c";
    result.started_at =
        system_clock::time_point(sys_days(year(2026) / 11 / 20)) + hours(21) + minutes(32) + microseconds(123456);
    result.duration = seconds(1);
    result.backend = "netlink";
    result.rows = std::move(rows);
    for (const Row& row : result.rows) {
        result.totals.rx_bytes = result.totals.rx_bytes.value() + row.rx_bytes.value_or(0);
        result.totals.tx_bytes = result.totals.tx_bytes.value() + row.tx_bytes.value_or(0);
        result.totals.unknown_connections += row.unknown_connections;
    }
    return result;
}

/// A filter as typed: {"pid=7", "!name=curl", "no-loopback"}, where ! stands for --exclude.
inline Filter typed(const std::vector<std::string>& terms)
{
    Filter filter;
    for (const std::string& term : terms) {
        const bool is_excluded = term.front() == '!';
        const auto begin = term.begin() + (is_excluded ? 1 : 0);
        const auto equals = std::find(begin, term.end(), '=');
        const FilterKind& kind = *find_filter_kind(std::string(begin, equals));
        filter.add(kind, kind.parse(equals == term.end() ? "" : std::string(equals + 1, term.end())), is_excluded);
    }
    return filter;
}

/// The same with the names resolved, which are the numbers that they mean: {"user=1000", "netns=2"}.
inline Filter filter_of(const std::vector<std::string>& terms)
{
    Filter filter = typed(terms);
    for (FilterTerm& term : filter.terms()) {
        const auto number = parse_number(term.value.text);
        if (number && !term.value.numbers) {
            term.value.numbers = FilterValue::Numbers{*number, *number};
        }
    }
    return filter;
}

/// The rows of the flows that match.
inline std::vector<Row> group(const Sample& sample, const Filter& filter, const GroupBy& by, bool idle)
{
    Grouping grouping(by, filter, idle);
    add_flows(grouping, sample);
    return grouping.take_rows();
}

inline std::vector<Row> rows_of(const std::vector<InterfaceTraffic>& interfaces, bool idle)
{
    const Filter all;
    Grouping grouping(GroupBy("interface"), all, idle);
    add_interfaces(grouping, interfaces);
    return grouping.take_rows();
}

inline Totals total(const Sample& sample, const Filter& filter)
{
    Grouping grouping(GroupBy("connection"), filter, false);
    add_flows(grouping, sample);
    return grouping.totals();
}

inline Judgement judge(const Filter& filter, const Flow& flow, const Sample& sample = {})
{
    return filter.judge(row_of(flow, sample)).judgement;
}

} // namespace socktally::test
