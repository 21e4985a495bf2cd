// SPDX-License-Identifier: MIT
// Adds up saved snapshots in one pass: their rows by the keys of --by, and the facts about the snapshots. Memory grows
// with the number of groups and hosts.
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

/// The choice of saved rows to add up, and how to add them up.
struct SummaryPlan {
    GroupBy by;
    std::optional<Per> per;         // if set, only rows of the same hour or day are added up
    bool idle = false;              // include rows without traffic
    Filter filter;                  // the filter compares users and network namespaces by their saved names
    std::vector<std::string> hosts; // empty: all
    std::optional<TimePoint> from;  // start of the period to report
    std::optional<TimePoint> to;    // end of the period to report, exclusive
};

/// The value that all calls of add() gave; null if they gave different values.
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

    /// Adds the document or line that `parser` has just parsed.
    void add(SnapshotParser& parser);
    /// Returns whether a snapshot was read, even if the plan excludes it.
    bool has_read() const { return has_read_; }
    /// Call it at the end of each input.
    void end_input() { snapshots_seen_.end_input(); }

    /// Returns the report, with notes about the snapshots. The caller adds notes about input files. Rows are unsorted.
    Report report();
    /// Returns how many rows passed the filter, with or without traffic.
    std::uint64_t passed() const { return grouping_.counts().passed; }

private:
    /// Identifies rows whose windows are the same: rows of one hour or day if the report is split, and of one host if
    /// rows are by host.
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
    /// The total length of the windows of each scope; null if one length is not known.
    std::map<Scope, std::optional<std::chrono::nanoseconds>> windows_;

    std::uint64_t snapshots_ = 0;
    std::uint64_t repeated_ = 0;    // number of snapshots that were read before
    std::uint64_t overlapping_ = 0; // number of snapshots that overlap others in time
    std::uint64_t incomplete_ = 0;
    std::uint64_t totals_ = 0;      // number of snapshots of totals, without a window
    std::uint64_t other_layer_ = 0; // number of snapshots of interfaces in a report of sockets, or the reverse
    std::chrono::nanoseconds duration_{0};
    std::optional<TimePoint> first_;
    Common host_;
    Common boot_id_;
    Common backend_;
};

} // namespace socktally
