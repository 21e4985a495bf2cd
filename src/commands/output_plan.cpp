// SPDX-License-Identifier: MIT
#include "commands/output_plan.hpp"

#include "linux/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <stdexcept>

namespace socktally {

namespace {

/// Returns whether to print in colour. With --color auto, a non-empty variable NO_COLOR forbids colour (no-color.org).
bool wants_color(ColorWhen when, bool to_terminal)
{
    if (when != ColorWhen::automatic) {
        return when == ColorWhen::always;
    }
    const char* no_color = std::getenv("NO_COLOR"); // NOLINT(concurrency-mt-unsafe): one thread
    return to_terminal && !is_dumb_terminal() && (no_color == nullptr || *no_color == '\0');
}

bool is_without_bytes(const Options& options)
{
    return options.command == Command::ports || options.command == Command::dns;
}

/// Returns the format's default columns. A table of several windows also has `time`. A report whose rows may differ in
/// host or time also has `host` or `time`.
ColumnList usual_columns(const Options& options, const Format& format)
{
    ColumnList list = format.usual_columns(options.by);
    if (options.count && format.is_one_table) {
        list.insert(list.begin(), find_column("time"));
    }
    if (options.resolve && !format.is_for_people && has_column(list, "remote_address")) {
        const auto address = std::find(list.begin(), list.end(), find_column("remote_address"));
        list.insert(address + 1, {find_column("remote_name"), find_column("name_source")});
    }
    if (options.command != Command::report) {
        return list;
    }
    if (options.by.is_by_host() || format.has_host) {
        list.insert(list.begin(), find_column("host"));
    }
    if (options.per) {
        list.insert(list.begin(), find_column("time"));
    }
    return list;
}

/// Throws UsageError if the column is a figure of a window, because `ports` has none.
void require_no_window(const Column& column)
{
    if (column.is_sum() && !column.unit.empty() && column.requirement != Requirement::tcp_info) {
        throw UsageError(
            fmt::format("ports has no window, so it does not know {}: use socktally --by connection", column.name));
    }
}

} // namespace

bool asks(const OutputPlan& plan, Requirement requirement)
{
    const auto has_it = [requirement](const ColumnList& list) {
        return std::any_of(list.begin(), list.end(),
                           [requirement](const Column* column) { return column->requirement == requirement; });
    };
    const auto& alerts = plan.alerts;
    return has_it(plan.columns) || has_it(plan.sort_columns) ||
           std::any_of(alerts.begin(), alerts.end(),
                       [requirement](const Alert& alert) { return alert.column->requirement == requirement; });
}

OutputPlan make_output_plan(const Options& options, bool to_terminal, std::size_t terminal_width,
                            std::size_t terminal_height)
{
    OutputPlan plan;
    plan.format = format_or_usual(options.format, to_terminal);
    try {
        plan.columns = select_columns(options.columns, usual_columns(options, *plan.format));
        plan.sort_columns = sort_columns(options.sort);
        std::transform(options.alerts.begin(), options.alerts.end(), std::back_inserter(plan.alerts), parse_alert);
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
    if (options.command == Command::ports) {
        for (const Alert& alert : plan.alerts) {
            require_no_window(*alert.column);
        }
        for (const Column* column : options.sort.empty() ? ColumnList() : plan.sort_columns) {
            require_no_window(*column);
        }
    }
    if (options.command == Command::sample && options.duration.count() == 0 && options.since.empty() &&
        has_rate_alert(plan)) {
        throw UsageError("rates need a window: use -d 1s, or alert on rx_bytes or tx_bytes");
    }
    const std::string file = options.output_file.value_or("");
    plan.style = {wants_color(options.color, to_terminal),
                  options.header,
                  terminal_width,
                  file.substr(file.rfind('/') + 1), // npos + 1 is 0
                  options.top || options.all_rows ? 0 : terminal_height,
                  options.units};
    constexpr std::size_t wide_table = 100;
    plan.style.has_extras = plan.format->is_for_people && terminal_width >= wide_table &&
                            !options.by.is_by_interface() && !is_without_bytes(options) &&
                            (options.columns.empty() || options.columns.starts_with('+'));
    plan.style.has_names = options.resolve && !has_column(plan.columns, "remote_name");
    return plan;
}

bool shows(const OutputPlan& plan, std::string_view column)
{
    return has_column(plan.columns, column) || has_column(plan.sort_columns, column);
}

bool has_rate_alert(const OutputPlan& plan)
{
    return std::any_of(plan.alerts.begin(), plan.alerts.end(),
                       [](const Alert& alert) { return is_rate(*alert.column); });
}

bool is_cumulative(const Options& options, const OutputPlan& plan)
{
    return !options.since.empty() && plan.format->is_one_set;
}

bool describes_flows(const Options& options, const OutputPlan& plan)
{
    return plan.format->is_for_people && !options.by.is_by_interface() && !is_without_bytes(options);
}

namespace {

/// Returns whether a key, a filter, a column or an alert of the options has this requirement.
bool is_required(const Options& options, const OutputPlan& plan, Requirement requirement)
{
    return options.by.requires_any(requirement) || options.filter.requires_any(requirement) || asks(plan, requirement);
}

/// Returns whether an option needs both ports of each connection, not only the port of the service.
bool are_ports_needed(const Options& options, const OutputPlan& plan)
{
    const auto is_asked = [](const Column* column) {
        static const ColumnSet ports = column_set("local_port,remote_port");
        return ports.test(index_of(*column));
    };
    return options.by.has("connection") || options.filter.asks("port") ||
           std::any_of(plan.columns.begin(), plan.columns.end(), is_asked) ||
           std::any_of(plan.sort_columns.begin(), plan.sort_columns.end(), is_asked) ||
           std::any_of(plan.alerts.begin(), plan.alerts.end(),
                       [&](const Alert& alert) { return is_asked(alert.column); });
}

/// Returns the states that the filter lets pass, as bits of BackendOptions::states.
std::uint32_t states_of(const Filter& filter)
{
    std::uint32_t states = 0;
    for (const FilterTerm& term : filter.terms()) {
        if (term.kind->name() == "state" && !term.is_excluded && term.value.numbers) {
            states |= 1U << term.value.numbers->first;
        }
    }
    return states != 0 ? states : ~0U;
}

} // namespace

bool needs_names(const Options& options, const OutputPlan& plan)
{
    const auto& terms = options.filter.terms();
    const bool is_printed =
        plan.format->is_for_people && plan.style.has_names &&
        (plan.style.has_extras || options.command == Command::ports || shows(plan, "remote_address"));
    return options.resolve && !options.by.is_by_interface() &&
           (is_printed || is_required(options, plan, Requirement::names) ||
            std::any_of(terms.begin(), terms.end(), [](const FilterTerm& term) { return term.value.is_host; }));
}

BackendOptions needs_of(const Options& options, const OutputPlan& plan)
{
    const auto is_needed = [&](Requirement requirement) { return is_required(options, plan, requirement); };
    BackendOptions needs;
    needs.capture_buffer = options.capture_buffer;
    needs.trace = options.trace ? Trace(&say) : Trace();
    needs.states = states_of(options.filter);
    needs.totals = options.duration.count() == 0;
    needs.repeated = options.count && options.count != 1U;
    needs.counters = !options.since.empty();
    const bool by_interface = options.by.is_by_interface();
    needs.peers = is_needed(Requirement::peers) || is_needed(Requirement::names) || plan.style.has_extras;
    needs.tuples = needs.peers || describes_flows(options, plan) || needs.counters ||
                   (!by_interface && !options.by.is_by_owner()) || is_needed(Requirement::tuples) ||
                   is_needed(Requirement::netns) || is_needed(Requirement::sharers) || is_needed(Requirement::ports);
    needs.ports = is_needed(Requirement::ports) || are_ports_needed(options, plan);
    needs.trees = is_needed(Requirement::trees);
    needs.lookups = options.command == Command::dns;
    // With --by interface, drivers count packets in any case.
    needs.packets = !by_interface && is_needed(Requirement::packets);
    needs.facts =
        is_needed(Requirement::tcp_info) || (options.command != Command::ports && is_needed(Requirement::state));
    return needs;
}

IdentityNeeds identity_needs_of(const Options& options, const OutputPlan& plan)
{
    const auto is_needed = [&](Requirement requirement) { return is_required(options, plan, requirement); };
    IdentityNeeds needs;
    if (options.by.is_by_interface()) {
        return needs; // drivers do not know owners
    }
    needs.command = is_needed(Requirement::command);
    needs.exe = is_needed(Requirement::exe);
    needs.parent = is_needed(Requirement::parent);
    // In `ports`, the filter --port also compares published ports.
    needs.ports = is_needed(Requirement::ports) || options.command == Command::ports;
    needs.containers = needs.ports || plan.style.has_extras || is_needed(Requirement::containers);
    needs.cgroup = needs.containers || is_needed(Requirement::cgroup);
    needs.netns = is_needed(Requirement::netns);
    return needs;
}

} // namespace socktally
