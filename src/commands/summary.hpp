// SPDX-License-Identifier: MIT
// Sums of saved snapshots: their rows by a key, and the facts around them. One pass; what is kept depends
// on the number of groups and hosts.
#pragma once

#include "report/coverage.hpp"
#include "report/snapshot.hpp"
#include "table/filter.hpp"
#include "table/grouping.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// Which saved rows are added up, and how.
struct SummaryPlan {
    GroupBy by;
    std::optional<Per> per;         // the rows of each hour or day stay apart
    bool idle = false;              // also rows that moved nothing
    Filter filter;                  // names of users and network namespaces are compared as they were saved
    std::vector<std::string> hosts; // empty: all
    std::optional<TimePoint> from;  // the first moment
    std::optional<TimePoint> to;    // the first moment past the last
};

/// The common value of all that were added, else null.
class Common {
public:
    void add(const std::optional<std::string_view>& value);
    const std::optional<std::string>& value() const { return value_; }

private:
    std::optional<std::string> value_;
    bool is_first_ = true;
};

class Summary {
public:
    explicit Summary(SummaryPlan plan);
    Summary(const Summary&) = delete;
    Summary& operator=(const Summary&) = delete;
    ~Summary() = default;

    /// Adds what `parser` parsed last.
    void add(SnapshotParser& parser);
    /// Returns whether there was any snapshot, be it of what was asked for or not.
    bool has_read() const { return has_read_; }
    /// All of one input was added.
    void end_input() { snapshots_seen_.end_input(); }

    /// The report without notes about its input. Rows are unsorted; see Grouping::take_rows.
    Report report();
    /// Returns how many rows passed the filter, with or without traffic.
    std::uint64_t passed() const { return grouping_.counts().passed; }

private:
    /// The rows that a rate is computed over: a piece of the report, and a host if each row is of one host.
    struct Scope {
        TimePoint piece;
        std::string host;
        auto operator<=>(const Scope&) const = default;
    };

    void add_line(SnapshotParser& parser);
    void add_document(SnapshotParser& parser);
    void add_row(const Heading& heading, Row& row, const Origin& origin);
    void leave_unmeasured(const Heading& heading, const Row& row);
    bool is_taken(TimePoint time, const std::optional<std::string_view>& host) const;
    void count(const Heading& heading, Coverage::Verdict verdict);
    Scope scope_of(TimePoint time, const std::optional<std::string_view>& host) const;
    std::vector<Note> notes() const;

    SummaryPlan plan_;
    Grouping grouping_;

    bool has_read_ = false;
    Snapshots snapshots_seen_;
    std::map<Scope, std::optional<std::chrono::nanoseconds>> windows_; // null: there are bytes of no window in it

    std::uint64_t snapshots_ = 0;
    std::uint64_t repeated_ = 0;    // snapshots that were there before
    std::uint64_t overlapping_ = 0; // snapshots that count some of what others do
    std::uint64_t incomplete_ = 0;
    std::uint64_t totals_ = 0;      // snapshots without a window
    std::uint64_t other_layer_ = 0; // snapshots that count something else
    std::chrono::nanoseconds duration_{0};
    std::optional<TimePoint> first_;
    Common host_;
    Common boot_id_;
    Common backend_;
};

} // namespace socktally
