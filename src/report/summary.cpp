// SPDX-License-Identifier: MIT
#include "report/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

/// "1 snapshot is", "2 snapshots are"
std::string counted(std::uint64_t count, std::string_view noun, std::string_view one, std::string_view many)
{
    return fmt::format("{} {}{} {}", count, noun, count == 1 ? "" : "s", count == 1 ? one : many);
}

std::chrono::nanoseconds sum_of(std::chrono::nanoseconds a, std::chrono::nanoseconds b)
{
    return b > std::chrono::nanoseconds::max() - a ? std::chrono::nanoseconds::max() : a + b;
}

} // namespace

void Common::add(const std::optional<std::string_view>& value)
{
    if (is_first_) {
        value_ = value;
        is_first_ = false;
    } else if (value_ != value) {
        value_.reset();
    }
}

Summary::Summary(GroupBy by, std::optional<Per> per, const std::vector<Member>& columns, Wanted wanted)
    : by_(by), per_(per), selection_(std::move(wanted)), groups_(by, per, columns)
{
}

void Summary::add(SnapshotParser& parser)
{
    const Heading& heading = parser.heading();
    if (parser.is_document()) {
        is_in_lines_ = false;
        SavedRow of_whole;
        if (heading.host) {
            of_whole.set(Member::host, {0, *heading.host});
        }
        if (selection_.takes_time(heading.started_at) && selection_.takes_host(of_whole)) {
            count(heading, heading.host);
        }
    }
    parser.for_each_row([&](const SavedRow& row) {
        if (!selection_.takes_time(time_of(heading, row)) || !selection_.takes_host(row)) {
            return;
        }
        if (!parser.is_document() && !is_counted(heading, row.text(Member::host))) {
            count(heading, row.text(Member::host));
            is_in_lines_ = true;
            line_ = heading;
            line_host_ = heading.host;
            line_boot_id_ = heading.boot_id;
        }
        add_row(heading, row);
    });
}

/// Whether it is the snapshot of the line before.
bool Summary::is_counted(const Heading& heading, const std::optional<std::string_view>& host) const
{
    return is_in_lines_ && heading.started_at == line_.started_at && heading.duration == line_.duration &&
           heading.by == line_.by && heading.complete == line_.complete && line_host_ == host &&
           line_boot_id_ == heading.boot_id;
}

void Summary::count(const Heading& heading, const std::optional<std::string_view>& host)
{
    if ((heading.by == GroupBy::interface) != (by_ == GroupBy::interface)) {
        ++other_layer_;
        return;
    }
    ++snapshots_;
    incomplete_ += heading.complete ? 0 : 1;
    totals_ += heading.duration.count() == 0 ? 1 : 0;
    duration_ = sum_of(duration_, heading.duration);
    first_ = std::min(first_.value_or(heading.started_at), heading.started_at);
    host_.add(host);
    boot_id_.add(heading.boot_id);
    backend_.add(heading.backend);
}

void Summary::add_row(const Heading& heading, const SavedRow& row)
{
    if ((heading.by == GroupBy::interface) != (by_ == GroupBy::interface)) {
        return;
    }
    switch (selection_.judge(heading, row)) {
    case Selection::Verdict::out: return;
    case Selection::Verdict::unanswered: ++unanswered_; return;
    case Selection::Verdict::in: break;
    }
    cut_short_ += row.is(RowKind::other) ? 1 : 0;
    const auto rx = row.number(Member::rx_bytes);
    const auto tx = row.number(Member::tx_bytes);
    rx_.add(rx);
    tx_.add(tx);
    if (!row.is(RowKind::process)) {
        const bool is_known = row.is(RowKind::cause);
        unattributed_rx_.add(is_known ? rx : std::nullopt);
        unattributed_tx_.add(is_known ? tx : std::nullopt);
    }
    groups_.add(heading, row);
}

Report Summary::report() const
{
    Report report;
    report.host = host_.value().value_or("");
    report.boot_id = boot_id_.value().value_or("");
    report.started_at = std::chrono::floor<std::chrono::system_clock::duration>(first_.value_or(TimePoint{}));
    report.duration = duration_;
    report.backend = snapshots_ == 0 ? "none" : backend_.value().value_or("several");
    report.by = by_;
    report.per = per_;
    report.notes = notes();
    report.rows = groups_.rows();
    report.totals.rx_bytes = rx_.value();
    report.totals.tx_bytes = tx_.value();
    report.totals.unattributed_rx_bytes = unattributed_rx_.value();
    report.totals.unattributed_tx_bytes = unattributed_tx_.value();
    for (const Row& row : report.rows) {
        report.totals.unknown_connections = sum(report.totals.unknown_connections, row.unknown_connections);
    }
    return report;
}

std::vector<Note> Summary::notes() const
{
    std::vector<Note> notes;
    if (snapshots_ == 0) {
        notes.push_back({"no-snapshots", "there is no snapshot of what was asked for in the input", "", true});
    }
    if (incomplete_ > 0) {
        notes.push_back({"snapshots-incomplete",
                         fmt::format("{} of {} not complete", incomplete_,
                                     counted(snapshots_, "snapshot", "is", incomplete_ == 1 ? "is" : "are")),
                         "", true});
    }
    if (totals_ > 0) {
        notes.push_back({"totals-added",
                         counted(totals_, "snapshot", "is of totals", "are of totals") +
                             " since each socket was opened, not of a window: other snapshots may count the same bytes",
                         "save no samples of --duration 0, and leave out the first run of --since", true});
    }
    if (unanswered_ > 0) {
        notes.push_back(
            {"filter-unanswered",
             counted(unanswered_, "row", "was left out because it does not", "were left out because they do not") +
                 " have the column that a filter asks for",
             "save that column too: -o +COLUMN", true});
    }
    if (cut_short_ > 0) {
        notes.push_back({"rows-past-top",
                         counted(cut_short_, "row", "sums", "sum") +
                             " what --top left out when it was saved; any other row may lack some of that",
                         "save without --top", true});
    }
    if (other_layer_ > 0) {
        notes.push_back({"other-layer",
                         counted(other_layer_, "snapshot", "was", "were") +
                             (by_ == GroupBy::interface ? " left out: they do not count interfaces"
                                                        : " left out: they count interfaces, not sockets"),
                         "", false});
    }
    return notes;
}

} // namespace socktally
