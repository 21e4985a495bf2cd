// SPDX-License-Identifier: MIT
// Rows added up by the keys of --by: those of the flows of a sample, or saved ones. Pure; one pass, and what is kept
// depends on the number of groups.
#pragma once

#include "table/filter.hpp"
#include "table/row.hpp"
#include "util/sum.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace socktally {

/// How many of the rows that pass the filter there were.
struct RowCounts {
    std::uint64_t passed = 0;
    std::uint64_t keyless = 0; // that do not say which group they are of: they are in the one that has null there
    std::uint64_t rests = 0;   // that sum the rest past --top
};

class Grouping {
public:
    enum class Pieces : std::uint8_t { one, by_time }; // by_time: rows of different Row::time stay apart

    /// With `idle` rows that moved nothing are grouped too. `filter` has to outlive this.
    Grouping(GroupBy by, const Filter& filter, bool idle, Pieces pieces = Pieces::one);

    /// So many flows follow.
    void expect_flows(std::size_t count);
    /// Adds the row if it passes the filter.
    void add(const Row& row, const Origin& origin = {});
    /// The same for the row of a flow, which may be taken as it is.
    void add(Row&& row);

    /// One row a group, and one of RowKind::other (of each time) if saved rows were of that kind. Unsorted.
    std::vector<Row> take_rows() { return std::move(rows_); }
    /// The sums of all rows that pass, also of those that moved nothing.
    Totals totals() const;
    const RowCounts& counts() const { return counts_; }
    const Unjudged& unjudged() const { return unjudged_; }
    /// Returns the columns that saved rows lack, so that their group is unknown.
    const ColumnSet& lacking() const { return lacking_; }
    bool has_overflowed() const { return rx_.has_overflowed() || tx_.has_overflowed(); }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
    };

    /// Counts the row if it passes the filter. Returns whether it is grouped.
    bool takes(const Row& row, const Origin& origin);
    void add_to_totals(const Row& row);
    void check_key(const Row& row, const Origin& origin);
    template <typename AnyRow>
    void add_to_group(AnyRow&& row, const Origin& origin);

    GroupBy by_;
    const Filter& filter_;
    bool has_filter_;
    bool is_by_flow_; // each is a row, also two that have the same addresses
    bool idle_;
    Pieces pieces_;
    ColumnSet asked_;           // what a row has to tell
    ColumnSet asked_of_causes_; // the same without an owner
    std::vector<Row> rows_;
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
    std::string key_; // used again
    RowCounts counts_;
    Unjudged unjudged_;
    ColumnSet lacking_;
    KnownSum rx_;
    KnownSum tx_;
    KnownSum unattributed_rx_;
    KnownSum unattributed_tx_;
    std::uint64_t unknown_connections_ = 0;
};

} // namespace socktally
