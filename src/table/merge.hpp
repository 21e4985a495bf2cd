// SPDX-License-Identifier: MIT
// Merges rows by the rules in the table of columns, and computes rates and shares from the sums.
#pragma once

#include "table/row.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace socktally {

/// Merges `row` into `into` by Column::merge of each column.
void merge(Row& into, const Row& row);

/// Returns a row of RowKind::other that has only the sums, the host, the time and the window of `row`.
Row rest_of(const Row& row);

/// Keeps the first `count` rows. Sums up all further rows, and all rows of RowKind::other, in one row of RowKind::other
/// at the end. Adds no such row if there is nothing to sum up.
void keep_top(std::vector<Row>& rows, std::size_t count);

/// Sets the rates and shares of rows, rounded. A row's rates are over Row::window, or over `window` if Row::window is
/// null. A share is of the known bytes in `whole`. Rates are null if the window is 0. Shares are null if nothing moved.
void add_rates(std::vector<Row>& rows, std::chrono::nanoseconds window, const Totals& whole);

} // namespace socktally
