// SPDX-License-Identifier: MIT
#include "commands/make_report.hpp"

#include "formats/series.hpp"
#include "table/grouping.hpp"
#include "table/merge.hpp"
#include "table/rates.hpp"
#include "traffic/attribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace socktally {

namespace {

/// What drivers count needs no socket to be seen: of the notes only what shortens the window concerns it.
std::vector<Note> notes_about_interfaces(const Sample& sample)
{
    std::vector<Note> notes;
    std::copy_if(sample.notes.begin(), sample.notes.end(), std::back_inserter(notes),
                 [](const Note& note) { return note.about == Note::About::window; });
    return notes;
}

/// Those that the filter names, or all if it names none, without those that it excludes.
void keep_interfaces(std::vector<InterfaceTraffic>& interfaces, const Filter& filter)
{
    const auto has = [](const auto& list, const std::string& name) {
        return std::any_of(list.begin(), list.end(), [&](const auto& each) { return each.name == name; });
    };
    std::erase_if(interfaces, [&](const InterfaceTraffic& interface) {
        return (!filter.interfaces.empty() && !has(filter.interfaces, interface.name)) ||
               has(filter.excluded.interfaces, interface.name);
    });
}

/// Returns whether the filter may also ask for another holder of the flow's socket than the process whose row has the
/// bytes.
bool may_be_shared(Flow flow, const Sample& sample, const Filter& filter)
{
    if (flow.attribution.quality != Quality::shared || !flow.may_have_traffic()) {
        return false;
    }
    const auto holders = movers_of(flow.inode, sample.holders);
    return std::any_of(holders.begin(), holders.end(), [&](const Holder& holder) {
        flow.attribution.process = holder.process;
        return filter.judge(flow, sample).judgement != Judgement::out;
    });
}

/// A socket of a protocol that the backend does not count: if it may have moved bytes, a note of its own says so.
bool is_uncounted(const Flow& flow)
{
    const Protocol protocol = flow.tuple.protocol;
    return !flow.rx_bytes && !flow.tx_bytes && protocol != Protocol::tcp && protocol != Protocol::udp;
}

/// The notes that concern a flow which passes the filter, or the sample as a whole.
std::vector<Note> notes_about(const Sample& sample, const Filter& filter)
{
    const auto has = [](const std::vector<Protocol>& list, Protocol protocol) {
        return std::find(list.begin(), list.end(), protocol) != list.end();
    };
    const auto is_wanted = [&](Protocol protocol) {
        return (filter.protocols.empty() || has(filter.protocols, protocol)) &&
               !has(filter.excluded.protocols, protocol);
    };
    bool shared_sockets = false;
    Unjudged unjudged("socket");
    for (const Flow& flow : sample.flows) {
        const Judged judged = filter.judge(flow, sample);
        shared_sockets = shared_sockets || may_be_shared(flow, sample, filter);
        // A flow that stands for an unseen namespace instead of a socket has a note of its own.
        if (judged.judgement == Judgement::unknown && flow.may_have_traffic() && flow.sockets != 0 &&
            !is_uncounted(flow)) {
            unjudged.add(judged, flow.sockets, flow.sockets, flow.rx_bytes, flow.tx_bytes);
        }
    }
    std::vector<Note> notes;
    std::copy_if(sample.notes.begin(), sample.notes.end(), std::back_inserter(notes), [&](const Note& note) {
        switch (note.about) {
        case Note::About::protocol: return is_wanted(note.protocol);
        case Note::About::shared_sockets: return shared_sockets;
        case Note::About::window:
        case Note::About::everything: break;
        }
        return true;
    });
    if (!unjudged.empty()) {
        notes.push_back(unjudged.note(""));
    }
    return notes;
}

Note unnamed_note(std::size_t users)
{
    return {NoteCode::user_names,
            fmt::format("the names of {} users are not known: the user database did not answer", users)};
}

void name_numbers(std::vector<Row>& rows, Identifier& identifier)
{
    Users& users = identifier.users();
    for (Row& row : rows) {
        if (row.uid) {
            row.user = users.name(*row.uid);
        }
        if (row.netns) {
            row.netns_name = identifier.netns_name(*row.netns);
        }
    }
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

Note unmeasured_note() { return Note(NoteCode::alert_unanswered); }

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
    if (layout.format->is_series) { // before --top, which would split a series
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
        keep_interfaces(sample.interfaces, filter);
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
    if (const std::size_t users = identifier.users().unanswered(); users > 0) {
        report.notes.push_back(unnamed_note(users));
    }
    arrange(report.rows, report, options, layout);
    return report;
}

std::string render(const Report& report, const Layout& layout)
{
    std::string out;
    layout.format->render(out, report, layout.columns, layout.style);
    return out;
}

} // namespace socktally
