// SPDX-License-Identifier: MIT
// Merges rows by the rules in the table of columns, and computes rates and shares from the sums.
#pragma once

#include "table/row.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace socktally {

/// Adds `row` to `into`: sums are summed, anything else is kept if both agree on it.
void merge(Row& into, const Row& row);

/// Returns the sums of `row`, as a row of RowKind::other that has nothing else but its host, time and window.
Row rest_of(const Row& row);

/// Keeps the first `count` rows and sums the others into one more row, of RowKind::other; those that are of that kind
/// already with them. It has the host and the time that they agree on. Nothing to sum: no such row.
void keep_top(std::vector<Row>& rows, std::size_t count);

/// Sets the rates of the rows by the length of `window`, or of their own, rounded to the nearest, and their shares of
/// the bytes that are known of `whole`. A window of 0 has no rates; if nothing moved, there are no shares.
void add_rates(std::vector<Row>& rows, std::chrono::nanoseconds window, const Totals& whole);

} // namespace socktally
