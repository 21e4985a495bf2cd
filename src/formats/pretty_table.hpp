// SPDX-License-Identifier: MIT
// Makes the columns of the table for people.
#pragma once

#include "formats/format.hpp"
#include "formats/table_layout.hpp"
#include "util/sum.hpp"

#include <span>
#include <string>
#include <vector>

namespace socktally {

struct PrettyTable {
    std::vector<TableColumn> columns;
    std::string legend; // explains the marks in the table; empty if there are none
};

/// Makes the table of some rows of the report. If `columns` has all default columns, the table has shares, rates
/// besides the bytes or instead of them, and the extra columns that fit into Style::width.
PrettyTable make_pretty_table(const Report& report, std::span<const Row> rows, const ColumnList& columns,
                              const Style& style);

/// Returns whether the report covers a window, so that it has rates.
bool has_rates(const Report& report);
/// Returns whether bytes tell more than the rates beside them.
bool has_totals(const Report& report);
/// Returns false if the row of a report has bytes but no window that they were counted in.
inline bool has_window(const Row& row) { return row.window != std::chrono::nanoseconds(0); }

/// Puts "≥" before a sum that lacks the bytes of `unknown` sockets.
std::string marked(std::string text, std::uint64_t unknown);
/// Returns a bar, drawn in eighths of a column. A part greater than 0 is always visible.
std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width);

/// Returns the known bytes of a row or of totals, both directions together.
template <typename T>
std::uint64_t bytes_of(const T& row)
{
    return sum(row.rx_bytes.value_or(0), row.tx_bytes.value_or(0));
}

} // namespace socktally
