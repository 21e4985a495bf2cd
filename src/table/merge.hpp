// SPDX-License-Identifier: MIT
// Rows made one: what they sum up to, and what they have in common.
#pragma once

#include "table/row.hpp"

#include <cstddef>
#include <vector>

namespace socktally {

/// Adds `row` to `into`: sums are summed, anything else is kept where both agree on it.
void merge(Row& into, const Row& row);

/// Keeps the first `count` rows and sums the others into one more row, of RowKind::other; those that are of that kind
/// already with them. It has the host and the time that they agree on. Nothing to sum: no such row.
void keep_top(std::vector<Row>& rows, std::size_t count);

} // namespace socktally
