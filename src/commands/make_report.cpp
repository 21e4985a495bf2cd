// SPDX-License-Identifier: MIT
#include "commands/make_report.hpp"

#include "identity/users.hpp"
#include "model/attribution.hpp"
#include "model/grouping.hpp"
#include "model/merge.hpp"
#include "model/rates.hpp"
#include "render/series.hpp"
#include "sys/terminal.hpp"

#include <algorithm>
#include <cstdlib>

namespace socktally {

namespace {

/// NO_COLOR counts when it is set and not empty (no-color.org).
bool wants_color(ColorWhen when, bool to_terminal)
{
    if (when != ColorWhen::automatic) {
        return when == ColorWhen::always;
    }
    const char* no_color = std::getenv("NO_COLOR"); // NOLINT(concurrency-mt-unsafe): one thread
    return to_terminal && !is_dumb_terminal() && (no_color == nullptr || *no_color == '\0');
}

/// What drivers count needs no socket to be seen: of the notes only what shortens the window concerns it.
std::vector<Note> notes_about_interfaces(const Sample& sample)
{
    std::vector<Note> notes;
    std::copy_if(sample.notes.begin(), sample.notes.end(), std::back_inserter(notes),
                 [](const Note& note) { return note.about == Note::About::window; });
    return notes;
}

/// Those of these names; without names, all.
void keep_interfaces(std::vector<InterfaceTraffic>& interfaces, const std::vector<std::string>& names)
{
    std::erase_if(interfaces, [&](const InterfaceTraffic& interface) {
        return !names.empty() && std::find(names.begin(), names.end(), interface.name) == names.end();
    });
}

/// The notes that concern a flow which passes the filter, or the sample as a whole.
std::vector<Note> notes_about(const Sample& sample, const Filter& filter)
{
    const auto& protocols = filter.protocols;
    const bool udp =
        protocols.empty() || std::find(protocols.begin(), protocols.end(), Protocol::udp) != protocols.end();
    bool shared_sockets = false;
    std::size_t unplaced = 0;
    for (const Flow& flow : sample.flows) {
        unplaced += flow.may_have_traffic() && filter.misses_interface(flow, sample) ? flow.sockets : 0;
        if (filter.matches(flow, sample)) {
            shared_sockets = shared_sockets || (flow.attribution.quality == Quality::shared && flow.may_have_traffic());
        }
    }
    std::vector<Note> notes;
    std::copy_if(sample.notes.begin(), sample.notes.end(), std::back_inserter(notes), [&](const Note& note) {
        switch (note.about) {
        case Note::About::udp: return udp;
        case Note::About::shared_sockets: return shared_sockets;
        case Note::About::window:
        case Note::About::everything: break;
        }
        return true;
    });
    if (unplaced > 0) {
        notes.push_back(unknown_interface_note(unplaced));
    }
    return notes;
}

void name_numbers(std::vector<Row>& rows, Identifier& identifier)
{
    Users users;
    for (Row& row : rows) {
        if (row.uid) {
            row.user = users.name(*row.uid);
        }
        if (row.netns) {
            row.netns_name = identifier.netns_name(*row.netns);
        }
    }
}

/// The columns that a format prints unless told otherwise.
ColumnList columns_by_default(Format format, GroupBy by)
{
    switch (format) {
    case Format::json:
    case Format::jsonl: return all_columns(by);
    case Format::prom:
    case Format::influx: return series_columns(by);
    case Format::tsv:
    case Format::csv:
    case Format::pretty: break;
    }
    return default_columns(by);
}

/// Of a report, and of lines of several windows, also what tells rows apart that those of one sample have in common.
ColumnList usual_columns(const Options& options, Format format)
{
    ColumnList list = columns_by_default(format, options.by);
    if (options.count && (format == Format::tsv || format == Format::csv)) {
        list.insert(list.begin(), find_column("time"));
    }
    if (options.command != Command::report) {
        return list;
    }
    const bool is_json = format == Format::json || format == Format::jsonl;
    if (is_by_host(options.by) || is_json) {
        list.insert(list.begin(), find_column("host"));
    }
    if (options.per) {
        list.insert(list.begin(), find_column("time"));
    }
    return list;
}

/// Leaves the rows that one of the alerts matches; without alerts, all.
void keep_alerting(std::vector<Row>& rows, const std::vector<Alert>& alerts)
{
    if (!alerts.empty()) {
        std::erase_if(rows, [&](const Row& row) {
            return std::none_of(alerts.begin(), alerts.end(), [&](const Alert& alert) { return matches(alert, row); });
        });
    }
}

} // namespace

bool asks(const Layout& layout, Needs needs)
{
    const auto has_it = [needs](const ColumnList& list) {
        return std::any_of(list.begin(), list.end(), [needs](const Column* column) { return column->needs == needs; });
    };
    const auto& alerts = layout.alerts;
    return has_it(layout.columns) || has_it(layout.sort_columns) ||
           std::any_of(alerts.begin(), alerts.end(),
                       [needs](const Alert& alert) { return alert.column->needs == needs; });
}

Layout make_layout(const Options& options, bool to_terminal, std::size_t terminal_width)
{
    Layout layout;
    layout.format = options.format.value_or(to_terminal ? Format::pretty : Format::tsv);
    try {
        layout.columns = select_columns(options.columns, usual_columns(options, layout.format));
        layout.sort_columns = sort_columns(options.sort);
        std::transform(options.alerts.begin(), options.alerts.end(), std::back_inserter(layout.alerts), parse_alert);
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
    if (options.command == Command::sample && options.duration.count() == 0 && options.since.empty() &&
        has_rate_alert(layout)) {
        throw UsageError("--duration 0 has no window to measure rates by: no --alert on one would ever hold");
    }
    layout.header = options.header;
    layout.style = {wants_color(options.color, to_terminal), options.header, terminal_width};
    return layout;
}

bool has_rate_alert(const Layout& layout)
{
    return std::any_of(layout.alerts.begin(), layout.alerts.end(),
                       [](const Alert& alert) { return is_rate(*alert.column); });
}

Note unmeasured_note()
{
    return {"alert-unanswered", "a rate is not known where there is no window: no alert on one can hold there", "",
            true};
}

bool is_cumulative(const Options& options, const Layout& layout)
{
    return !options.since.empty() && layout.format == Format::prom;
}

BackendOptions needs_of(const Options& options, const Layout& layout)
{
    const Filter& filter = options.filter;
    BackendOptions needs;
    needs.capture_buffer = options.capture_buffer;
    needs.totals = options.duration.count() == 0;
    needs.repeated = options.count && options.count != 1U;
    needs.counters = !options.since.empty();
    const bool by_interface = options.by == GroupBy::interface;
    needs.tuples = needs.counters || (!is_by_owner(options.by) && !by_interface) || !filter.ports.empty() ||
                   !filter.remotes.empty() || !filter.protocols.empty() || !filter.loopback ||
                   !options.interfaces.empty() || !options.namespaces.empty() || asks(layout, Needs::tuples) ||
                   asks(layout, Needs::netns) || asks(layout, Needs::sharers) || asks(layout, Needs::ports);
    needs.packets = !by_interface && asks(layout, Needs::packets); // drivers count theirs anyway
    return needs;
}

IdentityNeeds identity_needs_of(const Options& options, const Layout& layout)
{
    const Filter& filter = options.filter;
    IdentityNeeds needs;
    if (options.by == GroupBy::interface) {
        return needs; // what drivers count is nobody's
    }
    needs.command = asks(layout, Needs::command);
    needs.exe = asks(layout, Needs::exe);
    needs.parent = asks(layout, Needs::parent);
    needs.ports = asks(layout, Needs::ports);
    needs.containers = needs.ports || asks(layout, Needs::containers) || options.by == GroupBy::container ||
                       options.by == GroupBy::pod || !filter.containers.empty() || !filter.pods.empty();
    needs.cgroup = needs.containers || asks(layout, Needs::cgroup) || options.by == GroupBy::cgroup ||
                   options.by == GroupBy::unit || !filter.units.empty();
    needs.netns = asks(layout, Needs::netns) || options.by == GroupBy::netns || !options.namespaces.empty();
    return needs;
}

void find_owners(Sample& sample, const Viewer& viewer, const Options& options, const Layout& layout,
                 Identifier& identifier)
{
    attribute(sample, viewer);
    if (asks(layout, Needs::sharers)) {
        find_sharers(sample);
    }
    identifier.identify(sample, options.all);
}

void arrange(std::vector<Row>& rows, const Report& whole, const Options& options, const Layout& layout)
{
    if (layout.format == Format::prom || layout.format == Format::influx) { // before --top, which would split a series
        merge_series(rows, layout.columns, options.by);
    }
    add_rates(rows, whole.duration, whole.totals);
    keep_alerting(rows, layout.alerts); // before --top, whose last row is a sum that nobody moved
    sort_rows(rows, options.sort);
    keep_top(rows, is_cumulative(options, layout) ? rows.size() : options.top.value_or(rows.size()));
    if (!rows.empty() && rows.back().is_other()) {
        add_rates(rows, whole.duration, whole.totals); // of the rest: a sum of rounded ones is none
    }
}

Report make_report(Sample sample, const Options& options, const Layout& layout, const Filter& filter,
                   Identifier& identifier)
{
    Report report;
    report.started_at = sample.started_at;
    report.duration = sample.duration;
    report.backend = sample.backend;
    report.by = options.by;
    if (options.by == GroupBy::interface) {
        keep_interfaces(sample.interfaces, options.interfaces);
        report.totals = total(sample.interfaces);
        report.rows = rows_of(sample.interfaces, options.all);
        report.notes = notes_about_interfaces(sample);
    } else {
        report.totals = total(sample, filter);
        report.rows = group(sample, filter, options.by, options.all);
        report.notes = notes_about(sample, filter);
    }
    if (report.duration.count() == 0 && has_rate_alert(layout)) { // a first run of --since
        report.notes.push_back(unmeasured_note());
    }
    report.complete = is_complete(report.notes);
    report.interfaces = std::move(sample.interfaces);
    name_numbers(report.rows, identifier);
    arrange(report.rows, report, options, layout);
    return report;
}

std::string render(const Report& report, const Layout& layout)
{
    std::string out;
    switch (layout.format) {
    case Format::tsv: render_tsv(out, report, layout.columns, layout.header); break;
    case Format::csv: render_csv(out, report, layout.columns, layout.header); break;
    case Format::json: render_json(out, report, layout.columns); break;
    case Format::jsonl: render_jsonl(out, report, layout.columns); break;
    case Format::prom: render_prom(out, report, layout.columns); break;
    case Format::influx: render_influx(out, report, layout.columns); break;
    case Format::pretty: render_pretty(out, report, layout.columns, layout.style); break;
    }
    return out;
}

} // namespace socktally
