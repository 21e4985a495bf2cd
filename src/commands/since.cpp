// SPDX-License-Identifier: MIT
// The default command with --since: prints the growth of totals since the last run.
//
// Without counters, a run prints the growth, and then replaces the state file. If printing fails, the next run prints
// the same bytes again.
// With counters (-f prom), a run replaces the state file, and then prints all bytes moved in all runs. If printing
// fails, the next run prints larger values. No counter ever falls.
#include "commands/since.hpp"

#include "commands/output.hpp"
#include "commands/sampler.hpp"
#include "formats/series.hpp"
#include "linux/clocks.hpp"
#include "linux/interrupt.hpp"
#include "linux/netns.hpp"
#include "linux/terminal.hpp"
#include "processes/names.hpp"
#include "util/number.hpp"
#include "util/sum.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <stdexcept>
#include <utility>
#include <variant>

namespace socktally {

namespace {

void add(GrowingSeries& into, const GrowingSeries& moved)
{
    into.rx_bytes = sum(into.rx_bytes, moved.rx_bytes);
    into.tx_bytes = sum(into.tx_bytes, moved.tx_bytes);
    into.connections = sum(into.connections, moved.connections);
    into.unknown_connections = sum(into.unknown_connections, moved.unknown_connections);
    socktally::add(into.rx_packets, moved.rx_packets);
    socktally::add(into.tx_packets, moved.tx_packets);
}

std::uint64_t size_of(const GrowingSeries& series) { return sum(series.rx_bytes, series.tx_bytes); }

/// Returns whether `a` comes before `b`: by size, largest first, then by labels, so that the order is always the same.
bool comes_first(const GrowingSeries& a, const GrowingSeries& b)
{
    return size_of(a) != size_of(b) ? size_of(a) > size_of(b) : a.labels < b.labels;
}

} // namespace

std::vector<GrowingSeries> accumulate(std::vector<GrowingSeries> before, std::vector<GrowingSeries> moved,
                                      std::size_t most, const GrowingSeries::Labels& rest)
{
    GrowingSeries other{rest};
    std::vector<GrowingSeries> all;
    std::map<GrowingSeries::Labels, std::size_t> index;
    for (GrowingSeries& series : before) {
        if (series.labels == rest) {
            add(other, series);
        } else {
            index.emplace(series.labels, all.size());
            all.push_back(std::move(series));
        }
    }
    std::sort(moved.begin(), moved.end(), comes_first);
    for (GrowingSeries& series : moved) {
        const auto known = index.find(series.labels);
        if (known != index.end()) {
            add(all[known->second], series);
        } else if (series.labels == rest || all.size() >= most) {
            add(other, series);
        } else if (size_of(series) > 0) {
            index.emplace(series.labels, all.size());
            all.push_back(std::move(series));
        }
    }
    if (size_of(other) > 0) {
        all.push_back(std::move(other));
    }
    return all;
}

std::string why_unfit(const State& before, const State& now)
{
    if (before.boot_id != now.boot_id) {
        return "the machine was rebooted since the last run";
    }
    if (before.netns != now.netns) {
        return "the last run was in another network namespace";
    }
    if (before.uptime >= now.uptime) {
        return "the last run has a later time than this one: the clock was set back";
    }
    return "";
}

namespace {

/// Returns a text that describes the series of a state: format, keys and columns; empty if the run has no series. Only
/// runs with the same text may add to the series.
std::string purpose_of(const Options& options, const OutputPlan& plan)
{
    if (!is_cumulative(options, plan)) {
        return "";
    }
    std::string purpose = fmt::format("prom by {}:", options.by.name());
    for (const Column* column : plan.columns) {
        purpose.append(" ").append(column->name);
    }
    return purpose;
}

GrowingSeries::Labels texts_of(const std::vector<Label>& labels)
{
    GrowingSeries::Labels texts;
    for (const Label& label : labels) {
        texts.emplace_back(label.name, label.value);
    }
    return texts;
}

std::vector<GrowingSeries> growth_of(const Report& report, const ColumnList& columns)
{
    std::vector<GrowingSeries> growth;
    for (const Series& series : series_of(report, columns)) {
        const Row& row = series.row;
        growth.push_back({texts_of(series.labels), row.rx_bytes.value_or(0), row.tx_bytes.value_or(0),
                          row.connections.value_or(0), row.unknown_connections, row.packets.rx_packets,
                          row.packets.tx_packets});
    }
    return growth;
}

/// Adds a note if `connections` is not 0. This number replaces {} in `text`.
void add_note(std::vector<Note>& notes, NoteCode code, std::uint64_t connections, std::string_view text)
{
    if (connections > 0) {
        notes.emplace_back(code, fmt::format(fmt::runtime(text), plural(connections, "connection")));
    }
}

void add_notes(std::vector<Note>& notes, const SnapshotGaps& gaps)
{
    add_note(notes, NoteCode::closed_since, gaps.closed, "{} closed since the last run: last bytes are unknown");
    add_note(notes, NoteCode::connections_missed, gaps.missed,
             "{} opened and closed between two runs: bytes are unknown");
    if (gaps.missed > 0) {
        notes.back().remedy = "run socktally more often, or measure windows with -d";
    }
    add_note(notes, NoteCode::counters_reset, gaps.restarted,
             "the counters of {} were reset since the last run: earlier bytes are missing");
    add_note(notes, NoteCode::unseen_before, gaps.unknown,
             "the last run could not enter the network namespaces of {}: bytes since then are unknown");
    add_note(notes, NoteCode::unseen_before, gaps.late,
             "the last run missed {}: all bytes since an earlier run are counted now");
    if (gaps.late > 0) {
        notes.back().incomplete = false;
    }
    add_note(notes, NoteCode::no_counters, gaps.nameless,
             "the kernel has no socket cookies, so {} cannot be found again: bytes since the last run are unknown");
}

} // namespace

SinceRun::SinceRun(const Options& options, const OutputPlan& plan)
    : options_(options), plan_(plan),
      file_(options.since, options.wait ? StateFile::Lock::wait : StateFile::Lock::at_once)
{
    const auto text = file_.read();
    if (!text) {
        return;
    }
    auto state = read_state(*text);
    if (const auto* bad = std::get_if<BadState>(&state)) {
        begin_anew(fmt::format("{} (kept as {})", bad->why, quote(file_.keep_aside())), Totals::may_be_old);
    } else {
        before_ = std::get<State>(std::move(state));
        if (before_->purpose != purpose_of(options, plan)) {
            throw std::runtime_error(
                fmt::format("state file {} was written with a different -f, --by or -o; use another state file for "
                            "this run",
                            quote(options.since)));
        }
        series_ = std::move(before_->series);
    }
}

void SinceRun::begin(const std::vector<Inode>& namespaces)
{
    namespaces_ = namespaces;
    next_.boot_id = boot_id();
    if (next_.boot_id.empty()) {
        throw std::runtime_error("--since cannot read /proc/sys/kernel/random/boot_id, which identifies the boot");
    }
    next_.netns = Inode{own_netns_inode()};
    next_.uptime = time_since_boot();
    if (before_) {
        if (const std::string why = why_unfit(*before_, next_); !why.empty()) {
            const auto totals = before_->boot_id == next_.boot_id ? Totals::may_be_old : Totals::are_new;
            before_.reset();
            begin_anew(why, totals);
        }
    }
}

void SinceRun::begin_anew(const std::string& why, Totals totals)
{
    anew_ = why;
    totals_ = totals;
    if (!options_.quiet) {
        say(fmt::format("starting over with state file {}: {}", quote(options_.since), why));
    }
}

/// Returns the note about a run that begins anew. The counters of such a run continue from their last values, and count
/// no byte twice.
Note SinceRun::anew_note() const
{
    const bool is_left_out = is_cumulative(options_, plan_) && totals_ == Totals::may_be_old;
    return {NoteCode::begun_anew,
            fmt::format("{}: {}",
                        is_left_out ? "bytes moved since the last run are missing from the counters"
                                    : "bytes are counted since each socket was opened, not since the last run",
                        anew_)};
}

void SinceRun::subtract(BackendResult& result)
{
    Sample& sample = result.sample;
    Snapshot& after = next_.snapshot;
    after = std::move(result.snapshot);
    next_.taken_at = std::chrono::floor<std::chrono::microseconds>(sample.started_at);
    const Snapshot* before = before_ ? &before_->snapshot : nullptr;
    const SnapshotGaps gaps = socktally::subtract(before, after, sample.flows, namespaces_);
    after.interfaces = socktally::subtract(before != nullptr ? before->interfaces : InterfaceCounters{}, sample);
    add_notes(sample.notes, gaps);
    if (before_) {
        sample.started_at = before_->taken_at;
        sample.duration = next_.uptime - before_->uptime;
    } else {
        sample.notes.push_back(anew_.empty() ? Note(NoteCode::first_run) : anew_note());
    }
}

void SinceRun::prepare(Report& report)
{
    if (before_) {
        report.since = report.started_at;
    }
    next_.purpose = purpose_of(options_, plan_);
    if (is_cumulative(options_, plan_)) {
        accumulate_series(report);
    }
    file_.prepare(write_state(next_));
}

void SinceRun::accumulate_series(Report& report)
{
    constexpr std::size_t enough = 10'000; // limit of series, because users can create any number of process names
    Row rest;
    rest.kind = RowKind::other;
    rest.process = "other";
    auto moved = totals_ == Totals::are_new ? growth_of(report, plan_.columns) : std::vector<GrowingSeries>();
    next_.series = accumulate(std::move(series_), std::move(moved), options_.top.value_or(enough),
                              texts_of(labels_of(rest, plan_.columns, report.by)));
    report.series = next_.series;
    report.cumulative = true;
}

Exit run_since(const Options& options, const OutputPlan& plan, const Output& output,
               std::span<const BackendEntry> table)
{
    Printer printer(options, plan, output);
    if (is_cumulative(options, plan) && !plan.alerts.empty()) {
        throw UsageError(
            "--alert cannot be used with --since -f prom: the counters would lack the rows that --alert leaves out");
    }
    SinceRun since(options, plan);
    Sampler sampler(options, plan, table, &since);
    Interrupt interrupt;
    Report report = sampler.next(interrupt);
    since.prepare(report);
    if (report.cumulative) {
        since.commit();
        printer.print(report, &interrupt);
    } else {
        printer.print(report, &interrupt);
        since.commit();
    }
    interrupt.release(); // only now, so that a signal does not kill this process between printing and storing the state
    if (interrupt.signal() != 0) {
        std::raise(interrupt.signal());
    }
    return exit_of(has_alert(report, plan), report.complete, options);
}

} // namespace socktally
