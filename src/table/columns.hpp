// SPDX-License-Identifier: MIT
// The only table of columns. Formats, --list-columns, --sort, merging, `report`, completions and the test of the man
// pages use it.
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

/// A column of the output. The value in a row is null if it is unknown, or if rows with different values were merged
/// into the row.
struct Column {
    std::string_view name; // "rx_bytes"
    CellType type;
    std::string_view unit;        // "bytes", "ticks since boot", "percent", or empty
    std::string_view description; // one line
    std::string_view header;      // heading in formats for people, "RX"
    Requirement requirement;
    std::string_view metric; // name in time-series formats, such as "receive_bytes"; empty for a label of a series
    Cell (*value)(const Row&);
    /// Merges this column of `row` into `into`: adds up figures, and sets other values to null unless both rows have
    /// the same value. A few columns have their own rule.
    void (*merge)(Row& into, const Row& row);
    /// Stores a saved value in `row`, or in `identity` if the column is a field of Identity. Returns false if the
    /// column cannot have this value. The pointer is null if `report` does not read the column.
    bool (*parse)(Row& row, Identity& identity, const SavedValue& saved);
    std::uint64_t most; // largest number that a saved row may have in this column; 0 if the column has no integers

    bool is_sum() const { return !metric.empty(); }
};

using ColumnList = std::vector<const Column*>;
bool has_column(const ColumnList& list, std::string_view name);

inline bool is_rate(const Column& column) { return column.unit.ends_with(" per second"); }

std::span<const Column> columns();
const Column* find_column(std::string_view name);
/// Returns the position of a column in the table. The bit of the column in a ColumnSet has the same position.
std::size_t index_of(const Column& column);
/// Returns the set of the columns in `names`, which are valid names separated by commas.
ColumnSet column_set(std::string_view names);
std::string names_of(const ColumnSet& set); // column names, separated by commas, in the order of the table
/// Returns the columns in which all sockets of a row have the same value if rows are grouped by `by`.
ColumnSet settled_columns(const GroupBy& by);
/// Returns the column called `name`. Throws std::invalid_argument with a one-line message if there is none. The message
/// suggests the nearest name. For an empty name, it quotes `spec` instead, the whole text that the user typed.
const Column& require_column(std::string_view name, std::string_view spec);

/// Returns the value to print. A row of RowKind::other has "other" in the text column that rows are grouped by.
Cell cell(const Column& column, const Row& row, const GroupBy& by);

/// Returns the default columns of a grouping, in order.
ColumnList default_columns(const GroupBy& by);
/// Returns all columns that this grouping can set at no extra cost. They are the default columns of JSON.
ColumnList all_columns(const GroupBy& by);

/// Returns the default columns of time-series formats: labels and figures. A label has a limited number of values,
/// unless rows are grouped by it.
ColumnList series_columns(const GroupBy& by);

/// Returns the columns that `spec`, the value of -o, asks for: `a,b` is a list, `+a,b` adds to `defaults`, and an empty
/// `spec` means `defaults`. Drops repeated columns. Throws std::invalid_argument with a one-line message for an unknown
/// column. The message suggests the nearest one.
ColumnList select_columns(std::string_view spec, const ColumnList& defaults);

/// Returns the columns in `spec`, the value of --sort. Rows are sorted by the sum of these columns. Throws like
/// sort_rows().
ColumnList sort_columns(std::string_view spec);

/// Returns the order of two rows that are equal in the column of --sort. Rows are sorted by pid, then by all other
/// fields, so rows that differ in any printed field always come in the same order. Rows of `ports` are sorted by
/// protocol and local endpoint before pid, and by remote endpoint after it.
bool is_before(const Row& a, const Row& b);

/// Sorts rows by `spec`, the value of --sort: one column (numbers descending, text ascending, nulls last), or a sum of
/// integer columns such as `rx_bytes+tx_bytes` (descending), which is the default. Rows with equal values are sorted by
/// is_before(). Throws std::invalid_argument like select_columns().
void sort_rows(std::vector<Row>& rows, std::string_view spec);

} // namespace socktally
