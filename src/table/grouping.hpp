// SPDX-License-Identifier: MIT
// Adds up rows by the keys of --by, in one pass: saved rows, or rows of flows. No I/O. Memory grows with the number of
// groups.
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

/// Numbers of rows that passed the filter.
struct RowCounts {
    std::uint64_t passed = 0;
    std::uint64_t keyless = 0; // number of rows without a known value for a key; the key is null in their group
    std::uint64_t rests = 0;   // number of saved rows that sum up the rows past --top
};

class Grouping {
public:
    enum class Pieces : std::uint8_t { one, by_time }; // by_time: only rows with the same Row::time are added up

    /// With `idle`, rows without traffic are grouped too. `filter` must outlive this object.
    Grouping(GroupBy by, const Filter& filter, bool idle, Pieces pieces = Pieces::one);

    /// Reserves memory for the rows of `count` flows.
    void expect_flows(std::size_t count);
    /// Adds the row if it passes the filter.
    void add(const Row& row, const Origin& origin = {});
    /// Adds the row of a flow if it passes the filter. May move from `row`.
    void add(Row&& row);
    /// Adds the row of a flow to counts and totals only, if it passes the filter. Returns whether add() would keep it.
    bool count(const Row& row) { return takes(row, {}); }

    /// Returns one row for each group, unsorted. All saved rows of RowKind::other form one group. With Pieces::by_time,
    /// they form one group for each time.
    std::vector<Row> take_rows() { return std::move(rows_); }
    /// Returns the sums of all rows that pass the filter, even those without traffic.
    Totals totals() const;
    const RowCounts& counts() const { return counts_; }
    const Unjudged& unjudged() const { return unjudged_; }
    /// Returns the columns that a key needs, but some saved rows lack.
    const ColumnSet& lacking() const { return lacking_; }
    bool has_overflowed() const { return rx_.has_overflowed() || tx_.has_overflowed(); }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
    };

    /// Adds the row to counts and totals if it passes the filter. Returns whether the row belongs in a group.
    bool takes(const Row& row, const Origin& origin);
    void add_to_totals(const Row& row);
    void check_key(const Row& row, const Origin& origin);
    template <typename AnyRow>
    void add_to_group(AnyRow&& row, const Origin& origin);

    GroupBy by_;
    const Filter& filter_;
    bool has_filter_;
    bool is_by_flow_; // each flow gets its own row, even if two flows have the same tuple
    bool idle_;
    Pieces pieces_;
    ColumnSet asked_;           // columns that decide the group of a row with an owner
    ColumnSet asked_of_causes_; // columns that decide the group of a row without an owner
    std::vector<Row> rows_;
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
    std::string key_; // key of the current row; a member so that its memory is reused
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
