// SPDX-License-Identifier: MIT
// What follows from the sums of a row: bytes per second, and its share of the whole.
#pragma once

#include "table/row.hpp"

#include <chrono>
#include <vector>

namespace socktally {

/// Sets the rates of the rows by the length of `window`, or of their own, rounded to the nearest, and their shares of
/// the bytes that are known of `whole`. A window of 0 has no rates; where nothing moved, there are no shares.
void add_rates(std::vector<Row>& rows, std::chrono::nanoseconds window, const Totals& whole);

} // namespace socktally
