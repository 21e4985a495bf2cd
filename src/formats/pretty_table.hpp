// SPDX-License-Identifier: MIT
// The columns of the table for people.
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
    std::string legend; // explains the marks that are shown; empty if there are none
};

/// Makes the table of some rows of the report. If `columns` has all of the default ones, the table has rates beside the
/// bytes or in their place, shares, and what Style::width has room for.
PrettyTable make_pretty_table(const Report& report, std::span<const Row> rows, const ColumnList& columns,
                              const Style& style);

/// Returns whether the report is of a window.
bool has_rates(const Report& report);
/// Returns whether bytes tell more than the rates beside them.
bool has_totals(const Report& report);
/// Returns false if the row of a report has bytes of no window.
inline bool has_window(const Row& row) { return row.window != std::chrono::nanoseconds(0); }

/// Marks a sum that lacks the bytes of `unknown` sockets as the least that it can be.
std::string marked(std::string text, std::uint64_t unknown);
/// A bar in eighths of a column. A part over 0 is never drawn as nothing.
std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width);

/// Both directions of a row or of totals, as far as known.
template <typename T>
std::uint64_t bytes_of(const T& row)
{
    return sum(row.rx_bytes.value_or(0), row.tx_bytes.value_or(0));
}

} // namespace socktally
