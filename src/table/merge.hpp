// SPDX-License-Identifier: MIT
// Merges rows by the rules in the table of columns, and computes rates and shares from the sums.
#pragma once

#include "table/row.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace socktally {

/// Adds `row` to `into`: sums are added; other values are kept if both rows have the same.
void merge(Row& into, const Row& row);

/// Returns the sums of `row` as a row of RowKind::other, which has only its host, time and window besides.
Row rest_of(const Row& row);

/// Keeps the first `count` rows and sums up the others, with any rows that are of RowKind::other already, into a row of
/// that kind at the end. Adds no such row if nothing is left to sum.
void keep_top(std::vector<Row>& rows, std::size_t count);

/// Sets the rates of the rows, rounded, by their own windows or else by `window`, and their shares of the known bytes
/// in `whole`. There are no rates if a window is 0, and no shares if nothing moved.
void add_rates(std::vector<Row>& rows, std::chrono::nanoseconds window, const Totals& whole);

} // namespace socktally
