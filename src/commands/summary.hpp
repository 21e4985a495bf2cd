// SPDX-License-Identifier: MIT
// Adds up saved snapshots: their rows by the keys of --by, and the facts about them. One pass; its memory depends on
// the number of groups and hosts.
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
    std::optional<Per> per;         // if set, rows of different hours or days are not added up
    bool idle = false;              // include rows without traffic
    Filter filter;                  // names of users and network namespaces are compared as they were saved
    std::vector<std::string> hosts; // empty: all
    std::optional<TimePoint> from;  // start of the time to report
    std::optional<TimePoint> to;    // end of the time to report, exclusive
};

/// The value that all added ones have in common, else null.
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
    /// Returns whether a snapshot was read, even if it was not asked for.
    bool has_read() const { return has_read_; }
    /// Call it at the end of each input.
    void end_input() { snapshots_seen_.end_input(); }

    /// Returns the report without notes about its input. Rows are unsorted (Grouping::take_rows()).
    Report report();
    /// Returns how many rows passed the filter, with or without traffic.
    std::uint64_t passed() const { return grouping_.counts().passed; }

private:
    /// The rows of one rate: an hour or day of the report, and a host if each row is of one host.
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
    std::map<Scope, std::optional<std::chrono::nanoseconds>> windows_; // null if the window of some bytes is not known

    std::uint64_t snapshots_ = 0;
    std::uint64_t repeated_ = 0;    // snapshots that were read before
    std::uint64_t overlapping_ = 0; // snapshots that overlap others in time
    std::uint64_t incomplete_ = 0;
    std::uint64_t totals_ = 0;      // snapshots of totals, without a window
    std::uint64_t other_layer_ = 0; // snapshots of the other layer (interfaces or sockets)
    std::chrono::nanoseconds duration_{0};
    std::optional<TimePoint> first_;
    Common host_;
    Common boot_id_;
    Common backend_;
};

} // namespace socktally
