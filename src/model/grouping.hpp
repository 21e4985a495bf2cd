// SPDX-License-Identifier: MIT
// From flows to rows: group those that a filter passes, and sum. Pure functions; a flow must be attributed first.
#pragma once

#include "model/filter.hpp"
#include "model/row.hpp"
#include "model/sample.hpp"

#include <vector>

namespace socktally {

/// The flows of `sample` that match and may have traffic (all that match with `idle`), grouped. Unsorted.
std::vector<Row> group(const Sample& sample, const Filter& filter, GroupBy by, bool idle);

/// Sums over the flows that match.
Totals total(const Sample& sample, const Filter& filter);

/// The rows and totals by interface, which have nothing to do with flows: what drivers count has no owner.
std::vector<Row> rows_of(const std::vector<InterfaceTraffic>& interfaces, bool idle);
Totals total(const std::vector<InterfaceTraffic>& interfaces);

/// Adds `row` to `into`: sums are summed, anything else is kept where both agree on it.
void merge(Row& into, const Row& row);

/// Keeps the first `count` rows and sums the others into one more row, of RowKind::other; those that are of that kind
/// already with them. It has the host and the time that they agree on. Nothing to sum: no such row.
void keep_top(std::vector<Row>& rows, std::size_t count);

} // namespace socktally
