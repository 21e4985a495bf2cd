// SPDX-License-Identifier: MIT
#include "commands/describe.hpp"

#include "formats/escape.hpp"
#include "formats/human.hpp"
#include "table/flow_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace socktally {

namespace {

/// Sets the busiest remote address of each row: the address with which the row's flows exchanged most bytes.
void find_busiest_remotes(std::vector<Row>& groups, const Sample& sample, const GroupBy& by, const Filter& filter)
{
    struct Busiest {
        std::uint64_t bytes = 0;
        Address address;
        std::shared_ptr<const RemoteName> name{};
    };
    Grouping grouping(GroupBy(by.name() + ",remote"), filter, false);
    add_flows(grouping, sample);
    std::unordered_map<std::string, Busiest> busiest;
    std::string key;
    for (const Row& row : grouping.take_rows()) {
        const std::uint64_t bytes = sum(row.rx_bytes.value_or(0), row.tx_bytes.value_or(0));
        by.write_key(key, row, {});
        if (Busiest& most = busiest[key]; row.remote_address && bytes > most.bytes) {
            most = {bytes, *row.remote_address, row.remote};
        }
    }
    for (Row& row : groups) {
        by.write_key(key, row, {});
        if (const Busiest& most = busiest[key]; most.bytes != 0) {
            row.busiest_remote = most.address;
            row.busiest = most.name;
        }
    }
}

/// Counts the connections whose two sockets both pass the filter.
LocalTraffic find_local(const Sample& sample, const Filter& filter)
{
    Filter hiding;
    hiding.add(*find_filter_kind("no-loopback"), {});
    hiding.machine = filter.machine;
    std::set<Tuple> seen;
    LocalTraffic local;
    for (const Flow& flow : sample.flows) {
        const Tuple& tuple = flow.tuple;
        if (tuple.remote.address.family == Family::none || !flow.may_have_traffic()) {
            continue;
        }
        const Row row = row_of(flow, sample);
        if (filter.judge(row).judgement != Judgement::in) {
            continue;
        }
        if (seen.contains({tuple.protocol, tuple.remote, tuple.local})) {
            local.connections += flow.sockets; // a backend may add up sockets with the same peer in one flow
            local.hideable += hiding.judge(row).judgement == Judgement::out ? flow.sockets : 0;
        }
        seen.insert(tuple);
    }
    return local;
}

/// Returns the line that is printed below the table, or instead of it if there are no rows.
std::string hint_of(const Report& report, const Options& options, std::uint64_t passed, bool is_lo_busy)
{
    if (report.has_rows()) {
        return report.by.is_by_interface() && is_lo_busy ? "lo is left out; --interface lo shows it" : "";
    }
    const bool is_window = report.duration.count() != 0;
    const std::string in_window = is_window ? fmt::format(" in {}", human_window(report.duration)) : "";
    if (report.is_list) {
        return options.filter_text.empty() ? "no sockets" : "nothing matched " + printable(options.filter_text);
    }
    if (passed == 0 && !options.filter.is_empty() && !options.filter_text.empty()) {
        return fmt::format("nothing matched {}{}", printable(options.filter_text), in_window);
    }
    if (options.command == Command::report) {
        return "no traffic in the snapshots";
    }
    if (report.by.counts_lookups()) {
        return fmt::format("no look-ups{}{}", report.complete ? "" : " seen", in_window);
    }
    if (report.by.is_by_interface() && is_lo_busy) {
        return fmt::format("only lo moved bytes{}; --interface lo shows them", in_window);
    }
    const std::string seen = report.complete ? "no traffic" : "no traffic seen";
    if (!is_window) {
        return seen + (options.by.is_by_interface() ? " on any interface" : " on any open socket");
    }
    const bool is_short = report.duration < std::chrono::seconds(10);
    const bool has_totals = !options.by.is_by_interface();
    const bool is_alone = !options.count && options.since.empty() && options.command != Command::run;
    const std::string_view hint = is_short && has_totals ? "; try -d 10s, or -d 0 for totals of open sockets"
                                  : has_totals           ? "; try -d 0 for totals of open sockets"
                                  : is_short             ? "; try -d 10s"
                                                         : "";
    return fmt::format("{}{}{}", seen, in_window, is_alone ? hint : "");
}

} // namespace

void describe(Report& report, const Options& options, std::uint64_t passed, bool is_lo_busy)
{
    const bool is_of_processes = report.by.has("process") || report.by.has("name");
    report.group_count = static_cast<std::uint64_t>(
        std::count_if(report.rows.begin(), report.rows.end(), [is_of_processes](const Row& row) {
            return !row.is_other() && (!is_of_processes || row.kind == RowKind::process);
        }));
    report.hint = hint_of(report, options, passed, is_lo_busy);
}

void describe_flows(Report& report, const Sample& sample, const Filter& filter, bool with_remotes)
{
    report.local = find_local(sample, filter);
    if (with_remotes) {
        find_busiest_remotes(report.rows, sample, report.by, filter);
    }
}

} // namespace socktally
