// SPDX-License-Identifier: MIT
// Makes the columns of the table that the format `pretty` prints.
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

/// Makes the table of `rows`, which are some rows of the report. If `columns` has all default columns, the table also
/// has shares and, beside or in place of the bytes, rates. With Style::has_extras, it has extra columns, too.
PrettyTable make_pretty_table(const Report& report, std::span<const Row> rows, const ColumnList& columns,
                              const Style& style);

/// Returns whether the report has rates, because it covers a window.
bool has_rates(const Report& report);
/// Returns whether to print bytes beside rates. In a window of one second, both would be the same figures.
bool has_totals(const Report& report);
/// Returns whether the length of the row's window is known, so that the row has a rate.
inline bool has_window(const Row& row) { return row.window != std::chrono::nanoseconds(0); }

/// Puts "≥" before a sum that lacks the bytes of `unknown` sockets.
std::string marked(std::string text, std::uint64_t unknown);
/// Returns a bar of at most `width` columns, drawn in eighths of a column, for the share of `part` in `whole`. A part
/// greater than 0 is always visible.
std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width);

/// Returns the known bytes of a row or of totals, both directions together.
template <typename T>
std::uint64_t bytes_of(const T& row)
{
    return sum(row.rx_bytes.value_or(0), row.tx_bytes.value_or(0));
}

} // namespace socktally
