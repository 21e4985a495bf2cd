// SPDX-License-Identifier: MIT
// The one table of columns. It feeds every format, --list-columns, --sort, merging, report, the man page test and the
// completions.
#pragma once

#include "table/row.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace socktally {

/// A value on its way to a format: null, a number, or raw text (any bytes; each format escapes it in one place).
using Cell = std::variant<std::monostate, std::uint64_t, Decimal, std::string>;

enum class CellType : std::uint8_t { integer, decimal, string };
std::string_view to_string(CellType type); // "integer"

/// A value of a saved row: nothing, a number, or a text.
struct SavedValue {
    bool is_null = false;
    std::uint64_t number = 0;
    std::string_view text = {};
};

/// All that is known of a column. A row that is null in it knows nothing there, or sums rows that differ.
struct Column {
    std::string_view name; // "rx_bytes"
    CellType type;
    std::string_view unit;        // "bytes", "ticks since boot", "percent", or empty
    std::string_view description; // one line
    std::string_view header;      // what people see over it, "RX"
    Requirement requirement;
    std::string_view metric; // what formats of time series call it: "receive_bytes"; empty: it tells series apart
    Cell (*value)(const Row&);
    /// Adds a row to another one: sums are summed, other values are kept if both rows have the same.
    void (*merge)(Row& into, const Row& row);
    /// Puts a saved value into a row, or into what becomes its identity. Returns false if the column cannot have this
    /// value. Null: the column is not read.
    bool (*parse)(Row& row, Identity& identity, const SavedValue& saved);
    std::uint64_t most; // the largest number that can be saved

    bool is_sum() const { return !metric.empty(); }
};

using ColumnList = std::vector<const Column*>;
bool has_column(const ColumnList& list, std::string_view name);

inline bool is_rate(const Column& column) { return column.unit.ends_with(" per second"); }

std::span<const Column> columns();
const Column* find_column(std::string_view name);
/// Returns the place of a column in the table, and in a ColumnSet.
std::size_t index_of(const Column& column);
/// `names` with commas between; all are valid.
ColumnSet column_set(std::string_view names);
std::string names_of(const ColumnSet& set); // the same backwards, in the order of the table
/// The columns in which the sockets of each row agree if the rows are by these keys.
ColumnSet settled_columns(const GroupBy& by);
/// The column that is called `name` in `spec`, which is what was typed. Throws std::invalid_argument with a one-line
/// message that names the nearest column.
const Column& require_column(std::string_view name, std::string_view spec);

/// Returns the printed value: the column's, or "other" in the text column of a key if the row sums
/// the rest.
Cell cell(const Column& column, const Row& row, const GroupBy& by);

/// The default columns of a grouping, in order.
ColumnList default_columns(const GroupBy& by);
/// Every column that can be set under this grouping and costs nothing more, in table order; what JSON prints unless
/// told otherwise.
ColumnList all_columns(const GroupBy& by);

/// The default columns of a format of time series: those that tell the series apart, of which none can have values
/// without end unless the grouping is by it, and what is measured.
ColumnList series_columns(const GroupBy& by);

/// `spec` as given to -o: `a,b`, or `+a,b` to add to `defaults`; empty: `defaults`. A column given twice is kept once.
/// Throws std::invalid_argument with a one-line message that names the nearest column.
ColumnList select_columns(std::string_view spec, const ColumnList& defaults);

/// The columns that `spec`, as given to --sort, adds up. Throws as sort_rows does.
ColumnList sort_columns(std::string_view spec);

/// Orders rows by `spec`: a column (numbers descending, text ascending, nulls last), or a sum of integer columns
/// `rx_bytes+tx_bytes` (descending); ties by pid, then by every other field, so the order is total.
/// Empty: rx_bytes+tx_bytes. Throws std::invalid_argument as select_columns does.
void sort_rows(std::vector<Row>& rows, std::string_view spec);

} // namespace socktally
