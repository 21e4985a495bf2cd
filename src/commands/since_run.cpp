// SPDX-License-Identifier: MIT
#include "commands/since_run.hpp"

#include "formats/series.hpp"
#include "linux/clocks.hpp"
#include "linux/terminal.hpp"
#include "processes/names.hpp"
#include "since/accumulate.hpp"
#include "since/state_codec.hpp"
#include "traffic/namespaces.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>
#include <variant>

namespace socktally {

namespace {

Moment read_moment()
{
    Moment now;
    now.boot_id = boot_id();
    if (now.boot_id.empty()) {
        throw std::runtime_error("--since needs /proc/sys/kernel/random/boot_id, to tell one boot from another");
    }
    now.netns = own_namespace();
    now.uptime = time_since_boot();
    return now;
}

/// What a state with series is for: those of other labels would never end. Empty for one without.
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
        begin_anew(fmt::format("{}; it is kept as {}", bad->why, quote(file_.keep_aside())), Totals::may_be_old);
    } else {
        before_ = std::get<Baseline>(std::move(state));
        if (before_->purpose != purpose_of(options, plan)) {
            throw std::runtime_error(fmt::format("{} is of runs with another format, --by or columns: counters for "
                                                 "Prometheus need a file of their own",
                                                 quote(options.since)));
        }
        series_ = std::move(before_->series);
    }
}

void SinceRun::begin(const std::vector<Inode>& namespaces)
{
    now_ = read_moment();
    now_.wanted = namespaces;
    if (before_) {
        if (const std::string why = why_unfit(*before_, now_); !why.empty()) {
            const auto totals = before_->boot_id == now_.boot_id ? Totals::may_be_old : Totals::are_new;
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
        say(fmt::format("{} is begun anew: {}", quote(options_.since), why));
    }
}

/// Counters go on from where they were, and no byte is in them twice.
Note SinceRun::anew_note() const
{
    const bool is_left_out = is_cumulative(options_, plan_) && totals_ == Totals::may_be_old;
    return {NoteCode::begun_anew,
            fmt::format("{}: {}",
                        is_left_out ? "what moved since the run before is missing in the counters"
                                    : "totals since each open socket was opened, not since the run before",
                        anew_)};
}

void SinceRun::subtract(BackendResult& result)
{
    now_.listed = std::move(result.listed);
    next_ = advance(before_, now_, result.sample);
    if (!anew_.empty()) {
        result.sample.notes.push_back(anew_note());
    } else if (!before_) {
        result.sample.notes.emplace_back(NoteCode::first_run);
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
    constexpr std::size_t enough = 10'000; // names of processes are as many as a user likes
    Row rest;
    rest.kind = RowKind::other;
    rest.process = "other";
    auto moved = totals_ == Totals::are_new ? growth_of(report, plan_.columns) : std::vector<GrowingSeries>();
    next_.series = accumulate(std::move(series_), std::move(moved), options_.top.value_or(enough),
                              texts_of(labels_of(rest, plan_.columns, report.by)));
    report.series = next_.series;
    report.cumulative = true;
}

} // namespace socktally
