// SPDX-License-Identifier: MIT
// Adds up rows by the keys of --by: rows of the flows of a sample, or saved rows. Pure. One pass; its memory depends on
// the number of groups.
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

/// Counts of the rows that passed the filter.
struct RowCounts {
    std::uint64_t passed = 0;
    std::uint64_t keyless = 0; // rows in which a key is unknown; they are in the group with null there
    std::uint64_t rests = 0;   // rows that sum the rest past --top
};

class Grouping {
public:
    enum class Pieces : std::uint8_t { one, by_time }; // by_time: rows with different Row::time are not added up

    /// With `idle`, rows without traffic are grouped too. `filter` must outlive this object.
    Grouping(GroupBy by, const Filter& filter, bool idle, Pieces pieces = Pieces::one);

    /// So many flows follow.
    void expect_flows(std::size_t count);
    /// Adds the row if it passes the filter.
    void add(const Row& row, const Origin& origin = {});
    /// The same for the row of a flow, which may be taken as it is.
    void add(Row&& row);

    /// Returns one row for each group, unsorted. If saved rows were of RowKind::other, their sum is one more row, or
    /// one for each time.
    std::vector<Row> take_rows() { return std::move(rows_); }
    /// Returns the sums of all rows that pass the filter, even those without traffic.
    Totals totals() const;
    const RowCounts& counts() const { return counts_; }
    const Unjudged& unjudged() const { return unjudged_; }
    /// Returns the columns that saved rows do not have, so that their group is not known.
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
    ColumnSet asked_;           // columns that decide the group of a row
    ColumnSet asked_of_causes_; // columns that decide the group of a row without an owner
    std::vector<Row> rows_;
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
    std::string key_; // a buffer, kept for its memory
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
