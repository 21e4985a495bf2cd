// SPDX-License-Identifier: MIT
// From flows to rows: group those that a filter passes, and sum. Pure functions; a flow must be attributed first.
#pragma once

#include "model/sample.hpp"
#include "table/filter.hpp"
#include "table/row.hpp"

#include <vector>

namespace socktally {

/// The flows of `sample` that match and may have traffic (all that match with `idle`), grouped. Unsorted.
std::vector<Row> group(const Sample& sample, const Filter& filter, GroupBy by, bool idle);

/// Sums over the flows that match.
Totals total(const Sample& sample, const Filter& filter);

/// The rows and totals by interface, which have nothing to do with flows: what drivers count has no owner.
std::vector<Row> rows_of(const std::vector<InterfaceTraffic>& interfaces, bool idle);
Totals total(const std::vector<InterfaceTraffic>& interfaces);

} // namespace socktally
