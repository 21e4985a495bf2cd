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

constexpr std::chrono::nanoseconds no_window{0};
constexpr const char* save_column = "save that column too: -o +COLUMN";

std::chrono::nanoseconds sum_of(std::chrono::nanoseconds a, std::chrono::nanoseconds b)
{
    return b > std::chrono::nanoseconds::max() - a ? std::chrono::nanoseconds::max() : a + b;
}

bool may_have_traffic(const SavedRow& row)
{
    const auto moved = [&row](Member member) { return row.number(member).value_or(0) != 0; };
    return row.number(Member::rx_bytes) != 0U || row.number(Member::tx_bytes) != 0U ||
           moved(Member::unknown_connections) || moved(Member::rx_packets) || moved(Member::tx_packets);
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
    if (parser.is_document()) {
        add_document(parser);
    } else {
        add_line(parser);
    }
}

void Summary::add_line(SnapshotParser& parser)
{
    const Heading& heading = parser.heading();
    parser.for_each_row([&](const SavedRow& row) {
        if (!is_taken(heading, row)) {
            return;
        }
        const auto [is_new, verdict] = snapshots_seen_.find(parser);
        if (is_new) {
            count(heading, verdict);
        }
        if (verdict != Coverage::Verdict::repeated) {
            add_row(heading, row);
        }
    });
}

void Summary::add_document(SnapshotParser& parser)
{
    const Heading& heading = parser.heading();
    SavedRow of_whole;
    if (heading.host) {
        of_whole.set(Member::host, {0, *heading.host});
    }
    const auto verdict = snapshots_seen_.find(parser).verdict;
    if (is_taken(heading, of_whole)) {
        count(heading, verdict);
    }
    if (verdict == Coverage::Verdict::repeated) {
        return;
    }
    const Scope whole = scope_of(heading.started_at, heading.host);
    parser.for_each_row([&](const SavedRow& row) {
        if (!is_taken(heading, row)) {
            return;
        }
        if (row.find(Member::time) != nullptr || row.text(Member::host) != heading.host) {
            const Scope own = scope_of(time_of(heading, row), row.text(Member::host));
            if (own != whole) { // a report, which does not say how long it is of each
                windows_[own].reset();
                windows_[whole].reset();
            }
        }
        add_row(heading, row);
    });
}

bool Summary::is_taken(const Heading& heading, const SavedRow& row) const
{
    return selection_.takes_time(time_of(heading, row)) && selection_.takes_host(row);
}

Summary::Scope Summary::scope_of(TimePoint time, const std::optional<std::string_view>& host) const
{
    return {per_ ? beginning(time, *per_) : TimePoint{}, is_by_host(by_) ? std::string(host.value_or("")) : ""};
}

void Summary::count(const Heading& heading, Coverage::Verdict verdict)
{
    if ((heading.by == GroupBy::interface) != (by_ == GroupBy::interface)) {
        ++other_layer_;
        return;
    }
    if (verdict == Coverage::Verdict::repeated) {
        ++repeated_;
        return;
    }
    ++snapshots_;
    overlapping_ += verdict == Coverage::Verdict::overlapping ? 1 : 0;
    incomplete_ += heading.complete ? 0 : 1;
    duration_ = sum_of(duration_, heading.duration);
    auto& window = windows_.try_emplace(scope_of(heading.started_at, heading.host), no_window).first->second;
    if (heading.duration.count() == 0) {
        ++totals_;
        window.reset();
    } else if (window) {
        window = sum_of(*window, heading.duration);
    }
    first_ = std::min(first_.value_or(heading.started_at), heading.started_at);
    host_.add(heading.host);
    boot_id_.add(heading.boot_id);
    backend_.add(heading.backend);
}

void Summary::add_row(const Heading& heading, const SavedRow& row)
{
    if ((heading.by == GroupBy::interface) != (by_ == GroupBy::interface)) {
        return;
    }
    const auto [judged, lacks_column] = selection_.judge(row);
    const auto rx = row.number(Member::rx_bytes);
    const auto tx = row.number(Member::tx_bytes);
    if (judged.judgement == Judgement::unknown && may_have_traffic(row)) {
        unjudged_.add(judged, 1, row.number(Member::connections), rx, tx);
        lacks_column_ = lacks_column_ || lacks_column;
    }
    if (judged.judgement != Judgement::in) {
        return;
    }
    ++taken_;
    cut_short_ += row.is(RowKind::other) ? 1 : 0;
    rx_.add(rx);
    tx_.add(tx);
    if (!row.is(RowKind::process)) {
        const bool is_known = row.is(RowKind::cause);
        unattributed_rx_.add(is_known ? rx : std::nullopt);
        unattributed_tx_.add(is_known ? tx : std::nullopt);
    }
    keyless_ += groups_.add(heading, row) ? 0 : 1;
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
    for (Row& row : report.rows) {
        const auto window = windows_.find(scope_of(row.time.value_or(TimePoint{}), row.host));
        row.window = window != windows_.end() ? window->second.value_or(no_window) : no_window;
        report.totals.unknown_connections = sum(report.totals.unknown_connections, row.unknown_connections);
    }
    return report;
}

std::vector<Note> Summary::notes() const
{
    const std::pair<bool, Note> all[] = {
        {snapshots_ == 0, Note(NoteCode::no_snapshots)},
        {incomplete_ > 0, Note{NoteCode::snapshots_incomplete,
                               fmt::format("{} of {} not complete", incomplete_,
                                           counted(snapshots_, "snapshot", "is", incomplete_ == 1 ? "is" : "are"))}},
        {repeated_ > 0, Note{NoteCode::given_twice, counted(repeated_, "snapshot", "was", "were") +
                                                        " given more than once, and counted once"}},
        {overlapping_ > 0, Note{NoteCode::windows_overlap,
                                counted(overlapping_, "snapshot", "overlaps", "overlap") +
                                    " in time with others of the same host: what moved then may be counted twice"}},
        {totals_ > 0,
         Note{NoteCode::totals_added,
              counted(totals_, "snapshot", "is of totals", "are of totals") +
                  " since each socket was opened, not of a window: other snapshots may count the same bytes"}},
        {!unjudged_.empty(), unjudged_.note(lacks_column_ ? save_column : "")},
        {snapshots_ > 0 && taken_ == 0 && unjudged_.empty() && !selection_.takes_every_row(),
         Note(NoteCode::filter_unmatched)},
        {rx_.has_overflowed() || tx_.has_overflowed() || groups_.has_overflowed(), Note(NoteCode::sum_overflow)},
        {keyless_ > 0, Note{NoteCode::key_unanswered,
                            counted(keyless_, "row", "does", "do") +
                                fmt::format(" not say what --by {} asks for, and {} where that is null", to_string(by_),
                                            keyless_ == 1 ? "is in a row" : "are in rows")}},
        {cut_short_ > 0, Note{NoteCode::rows_past_top,
                              counted(cut_short_, "row", "sums", "sum") +
                                  " what --top left out when it was saved; any other row may lack some of that"}},
        {other_layer_ > 0, Note{NoteCode::other_layer,
                                counted(other_layer_, "snapshot", "was", "were") +
                                    (by_ == GroupBy::interface ? " left out: they do not count interfaces"
                                                               : " left out: they count interfaces, not sockets")}},
    };
    std::vector<Note> notes;
    for (const auto& [holds, note] : all) {
        if (holds) {
            notes.push_back(note);
        }
    }
    return notes;
}

} // namespace socktally
