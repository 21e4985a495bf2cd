// SPDX-License-Identifier: MIT
// What snapshots come to together: their rows by a key, and the facts around them. One pass; what is kept depends on
// the number of groups.
#pragma once

#include "model/sum.hpp"
#include "report/groups.hpp"
#include "report/selection.hpp"

#include <cstdint>
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

    /// Adds what `parser` parsed last. The lines of one snapshot are expected to follow each other.
    void add(SnapshotParser& parser);

    /// The report without notes about its input. Rows are unsorted; see Groups::rows.
    Report report() const;

private:
    void add_row(const Heading& heading, const SavedRow& row);
    void count(const Heading& heading, const std::optional<std::string_view>& host);
    bool is_counted(const Heading& heading, const std::optional<std::string_view>& host) const;
    std::vector<Note> notes() const;

    GroupBy by_;
    std::optional<Per> per_;
    Selection selection_;
    Groups groups_;
    KnownSum rx_;
    KnownSum tx_;
    KnownSum unattributed_rx_;
    KnownSum unattributed_tx_;

    // The snapshot that was counted last, if it came as lines.
    Heading line_;
    std::optional<std::string> line_host_;
    std::optional<std::string> line_boot_id_;
    bool is_in_lines_ = false;

    std::uint64_t snapshots_ = 0;
    std::uint64_t incomplete_ = 0;
    std::uint64_t totals_ = 0;      // snapshots without a window
    std::uint64_t other_layer_ = 0; // snapshots that count something else
    std::uint64_t cut_short_ = 0;   // rows that sum the rest past --top
    std::uint64_t unanswered_ = 0;  // rows of which a filter could not say
    std::chrono::nanoseconds duration_{0};
    std::optional<TimePoint> first_;
    Common host_;
    Common boot_id_;
    Common backend_;
};

} // namespace socktally
