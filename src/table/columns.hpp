// SPDX-License-Identifier: MIT
// The one table of columns. Formats, --list-columns, --sort, merging, report, the test of the man pages and completions
// use it.
#pragma once

#include "table/row.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace socktally {

/// A value that is passed to a format: null, a number, or raw text (any bytes; each format escapes it in one place).
using Cell = std::variant<std::monostate, std::uint64_t, Decimal, std::string>;

enum class CellType : std::uint8_t { integer, decimal, string };
std::string_view to_string(CellType type); // "integer"

/// A value of a saved row: null, a number or a text.
struct SavedValue {
    bool is_null = false;
    std::uint64_t number = 0;
    std::string_view text = {};
};

/// A column. A value is null if it is not known, or if the row sums up rows with different values.
struct Column {
    std::string_view name; // "rx_bytes"
    CellType type;
    std::string_view unit;        // "bytes", "ticks since boot", "percent", or empty
    std::string_view description; // one line
    std::string_view header;      // heading in formats for people, "RX"
    Requirement requirement;
    std::string_view metric; // name in formats of time series: "receive_bytes"; empty: the column is a label, which
                             // identifies a series
    Cell (*value)(const Row&);
    /// Adds a row to another one: sums are added, other values are kept if both rows have the same.
    void (*merge)(Row& into, const Row& row);
    /// Stores a saved value in a row, or in the identity that will become the row's. Returns false if the column cannot
    /// have this value. Null if the column is not read back.
    bool (*parse)(Row& row, Identity& identity, const SavedValue& saved);
    std::uint64_t most; // the largest number that a saved row may have

    bool is_sum() const { return !metric.empty(); }
};

using ColumnList = std::vector<const Column*>;
bool has_column(const ColumnList& list, std::string_view name);

inline bool is_rate(const Column& column) { return column.unit.ends_with(" per second"); }

std::span<const Column> columns();
const Column* find_column(std::string_view name);
/// Returns the index of a column in the table, which is also its bit in a ColumnSet.
std::size_t index_of(const Column& column);
/// Returns the set of these columns. `names` are separated by commas, and must be valid.
ColumnSet column_set(std::string_view names);
std::string names_of(const ColumnSet& set); // the reverse, in the order of the table
/// Returns the columns in which all sockets of a row have the same value if rows are by these keys.
ColumnSet settled_columns(const GroupBy& by);
/// Returns the column called `name`. `spec` is the text that the user typed. Throws std::invalid_argument with a
/// one-line message that names the nearest column.
const Column& require_column(std::string_view name, std::string_view spec);

/// Returns the value to print: the column's, or "other" in the text column of a key if the row is the rest past --top.
Cell cell(const Column& column, const Row& row, const GroupBy& by);

/// Returns the default columns of a grouping, in order.
ColumnList default_columns(const GroupBy& by);
/// Returns every column that this grouping can set at no extra cost, in the order of the table. JSON prints these by
/// default.
ColumnList all_columns(const GroupBy& by);

/// Returns the default columns of formats of time series: the labels and the figures. No label has an unlimited number
/// of values unless rows are grouped by it.
ColumnList series_columns(const GroupBy& by);

/// Returns the columns of `spec` as given to -o: `a,b`, or `+a,b` to add to `defaults`, or empty for `defaults`. Drops
/// repeated columns. Throws std::invalid_argument with a one-line message that names the nearest column.
ColumnList select_columns(std::string_view spec, const ColumnList& defaults);

/// Returns the columns whose sum `spec`, as given to --sort, sorts by. Throws like sort_rows().
ColumnList sort_columns(std::string_view spec);

/// Sorts rows by `spec`: a column (numbers descending, text ascending, nulls last), or a sum of integer columns
/// `rx_bytes+tx_bytes` (descending); empty means rx_bytes+tx_bytes. Ties are sorted by pid, then by every other field,
/// so the order is total. Throws std::invalid_argument like select_columns().
void sort_rows(std::vector<Row>& rows, std::string_view spec);

} // namespace socktally
