// SPDX-License-Identifier: MIT
// What snapshots come to together: their rows by a key, and the facts around them. One pass; what is kept depends on
// the number of groups and hosts.
#pragma once

#include "report/groups.hpp"
#include "report/selection.hpp"
#include "report/snapshots.hpp"
#include "util/sum.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// What all were, else null.
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
    Summary(GroupBy by, std::optional<Per> per, const std::vector<Member>& columns, Wanted wanted);

    /// Adds what `parser` parsed last.
    void add(SnapshotParser& parser);
    /// All of one input was added.
    void end_input() { snapshots_seen_.end_input(); }

    /// The report without notes about its input. Rows are unsorted; see Groups::rows.
    Report report() const;

private:
    /// What a rate is of: a piece of the report, and a host where each row is of one.
    struct Scope {
        TimePoint piece;
        std::string host;
        auto operator<=>(const Scope&) const = default;
    };

    void add_line(SnapshotParser& parser);
    void add_document(SnapshotParser& parser);
    void add_row(const Heading& heading, const SavedRow& row);
    bool is_taken(const Heading& heading, const SavedRow& row) const;
    void count(const Heading& heading, Coverage::Verdict verdict);
    Scope scope_of(TimePoint time, const std::optional<std::string_view>& host) const;
    std::vector<Note> notes() const;

    GroupBy by_;
    std::optional<Per> per_;
    Selection selection_;
    Groups groups_;
    KnownSum rx_;
    KnownSum tx_;
    KnownSum unattributed_rx_;
    KnownSum unattributed_tx_;

    Snapshots snapshots_seen_;
    std::map<Scope, std::optional<std::chrono::nanoseconds>> windows_; // null: there are bytes of no window in it

    std::uint64_t snapshots_ = 0;
    std::uint64_t repeated_ = 0;    // snapshots that were there before
    std::uint64_t overlapping_ = 0; // snapshots that count some of what others do
    std::uint64_t incomplete_ = 0;
    std::uint64_t totals_ = 0;      // snapshots without a window
    std::uint64_t other_layer_ = 0; // snapshots that count something else
    std::uint64_t cut_short_ = 0;   // rows that sum the rest past --top
    std::uint64_t taken_ = 0;       // rows that are in the report
    Unjudged unjudged_{"row"};
    bool lacks_column_ = false; // a left-out row lacks a column that a filter asks for
    std::uint64_t keyless_ = 0; // rows that do not say which group they belong to
    std::chrono::nanoseconds duration_{0};
    std::optional<TimePoint> first_;
    Common host_;
    Common boot_id_;
    Common backend_;
};

} // namespace socktally
