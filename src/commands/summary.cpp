// SPDX-License-Identifier: MIT
#include "commands/summary.hpp"

#include "table/columns.hpp"
#include "util/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

constexpr std::chrono::nanoseconds no_window{0};

/// Makes the note about rows that lack the column of a key, or that sum up several values of the key.
Note keyless_note(std::uint64_t rows, const GroupBy& by, const ColumnSet& lacking)
{
    if (lacking.none()) {
        return {NoteCode::key_unanswered,
                fmt::format("{} several values for --by {}, or none: the bytes are in the row with an empty value",
                            plural(rows, "saved row has", "saved rows have"), by.name()),
                "record with --by " + by.name()};
    }
    return {NoteCode::key_unanswered,
            fmt::format("{} saved without {}: the bytes are in the row with an empty value",
                        plural(rows, "row was", "rows were"), names_of(lacking)),
            saving_remedy(lacking)};
}

std::chrono::nanoseconds sum_of(std::chrono::nanoseconds a, std::chrono::nanoseconds b)
{
    return b > std::chrono::nanoseconds::max() - a ? std::chrono::nanoseconds::max() : a + b;
}

/// Returns the end of the snapshot's window. A snapshot without a host is a sum over several hosts, and does not show
/// when the last window ended. For such a snapshot, returns the start.
TimePoint end_of(const Heading& heading)
{
    const TimePoint begin = heading.started_at;
    return heading.host ? begin + std::min(heading.duration, TimePoint::max() - begin) : begin;
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

Summary::Summary(SummaryPlan plan)
    : plan_(std::move(plan)),
      grouping_(plan_.by, plan_.filter, plan_.idle, plan_.per ? Grouping::Pieces::by_time : Grouping::Pieces::one)
{
}

void Summary::add(SnapshotParser& parser)
{
    has_read_ = true;
    if (parser.is_document()) {
        add_document(parser);
    } else {
        add_line(parser);
    }
}

void Summary::add_line(SnapshotParser& parser)
{
    const Heading& heading = parser.heading();
    parser.for_each_row([&](Row& row, const Origin& origin) {
        if (!is_taken(*row.time, row.host)) {
            return;
        }
        const auto [is_new, verdict] = snapshots_seen_.find(parser);
        if (is_new) {
            count(heading, verdict);
        }
        leave_unmeasured(heading, row);
        if (verdict != Coverage::Verdict::repeated) {
            add_row(heading, row, origin);
        }
    });
}

void Summary::add_document(SnapshotParser& parser)
{
    const Heading& heading = parser.heading();
    const auto verdict = snapshots_seen_.find(parser).verdict;
    if (is_taken(heading.started_at, heading.host)) {
        count(heading, verdict);
    }
    if (verdict == Coverage::Verdict::repeated) {
        return;
    }
    parser.for_each_row([&](Row& row, const Origin& origin) {
        if (!is_taken(*row.time, row.host)) {
            return;
        }
        leave_unmeasured(heading, row);
        add_row(heading, row, origin);
    });
}

/// Marks windows as unknown if the row has another time or host than its snapshot. Such a row was saved by `report`,
/// which does not save how long each hour or host was measured.
void Summary::leave_unmeasured(const Heading& heading, const Row& row)
{
    if (row.time == heading.started_at && row.host == heading.host) {
        return;
    }
    const Scope whole = scope_of(heading.started_at, heading.host);
    if (const Scope own = scope_of(*row.time, row.host); own != whole) {
        windows_[own].reset();
        windows_[whole].reset();
    }
}

bool Summary::is_taken(TimePoint time, const std::optional<std::string_view>& host) const
{
    const auto& hosts = plan_.hosts;
    return (!plan_.from || time >= *plan_.from) && (!plan_.to || time < *plan_.to) &&
           (hosts.empty() || std::find(hosts.begin(), hosts.end(), host) != hosts.end());
}

Summary::Scope Summary::scope_of(TimePoint time, const std::optional<std::string_view>& host) const
{
    return {plan_.per ? beginning(time, *plan_.per) : TimePoint{},
            plan_.by.is_by_host() ? std::string(host.value_or("")) : ""};
}

void Summary::count(const Heading& heading, Coverage::Verdict verdict)
{
    if (heading.by->is_by_interface() != plan_.by.is_by_interface()) {
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

void Summary::add_row(const Heading& heading, Row& row, const Origin& origin)
{
    if (heading.by->is_by_interface() != plan_.by.is_by_interface()) {
        return;
    }
    row.until = end_of(heading);
    if (plan_.per) {
        row.time = beginning(*row.time, *plan_.per);
    }
    grouping_.add(row, origin);
}

Report Summary::report()
{
    Report report;
    report.host = host_.value().value_or("");
    report.boot_id = boot_id_.value().value_or("");
    report.started_at = std::chrono::floor<std::chrono::system_clock::duration>(first_.value_or(TimePoint{}));
    report.duration = duration_;
    report.backend = snapshots_ == 0 ? "none" : backend_.value().value_or("several");
    report.by = plan_.by;
    report.per = plan_.per;
    report.notes = notes();
    report.totals = grouping_.totals();
    report.rows = grouping_.take_rows();
    for (Row& row : report.rows) {
        const auto window = windows_.find(scope_of(row.time.value_or(TimePoint{}), row.host));
        row.window = window != windows_.end() ? window->second.value_or(no_window) : no_window;
    }
    return report;
}

std::vector<Note> Summary::notes() const
{
    const auto& [passed, keyless, rests] = grouping_.counts();
    const Unjudged& unjudged = grouping_.unjudged();
    const ColumnSet& lacking = grouping_.lacking();
    const std::pair<bool, Note> all[] = {
        {snapshots_ == 0, Note(NoteCode::no_snapshots)},
        {incomplete_ > 0, Note{NoteCode::snapshots_incomplete,
                               fmt::format("{} of {} {} incomplete", incomplete_, plural(snapshots_, "snapshot"),
                                           incomplete_ == 1 ? "is" : "are")}},
        {repeated_ > 0, Note{NoteCode::given_twice, plural(repeated_, "snapshot was", "snapshots were") +
                                                        " given more than once and counted once"}},
        {overlapping_ > 0,
         Note{NoteCode::windows_overlap, plural(overlapping_, "snapshot overlaps", "snapshots overlap") +
                                             " with others of the same host: some bytes may be counted twice"}},
        {totals_ > 0, Note{NoteCode::totals_added, plural(totals_, "snapshot has", "snapshots have") +
                                                       " totals since each socket was opened (-d 0, or a first run "
                                                       "with --since): some bytes may be counted twice"}},
        {!unjudged.empty(), unjudged.note("row", plan_.filter)},
        {snapshots_ > 0 && passed == 0 && unjudged.empty() && !plan_.filter.is_empty(),
         Note(NoteCode::filter_unmatched)},
        {grouping_.has_overflowed(), Note(NoteCode::sum_overflow)},
        {keyless > 0, keyless_note(keyless, plan_.by, lacking)},
        {rests > 0,
         Note{
             NoteCode::rows_past_top,
             fmt::format(
                 "the samples were saved with --top: some bytes of the rows shown may be in {} named \"other\" instead",
                 plural(rests, "row"))}},
        {other_layer_ > 0, Note{NoteCode::other_layer,
                                fmt::format("skipped {} recorded {} --by interface", plural(other_layer_, "snapshot"),
                                            plan_.by.is_by_interface() ? "without" : "with")}},
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
