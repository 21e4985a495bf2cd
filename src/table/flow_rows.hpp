// SPDX-License-Identifier: MIT
// Makes rows of measurements: one row for each flow, before rows are added up, or one for each interface.
#pragma once

#include "model/sample.hpp"
#include "table/grouping.hpp"

#include <vector>

namespace socktally {

/// The flow must be attributed, and its owner identified.
Row row_of(const Flow& flow, const Sample& sample);

/// The row has no owner, because drivers do not know owners.
Row row_of(const InterfaceTraffic& interface);

/// Adds a row for each flow, with the other owners of its socket (Sample::sharers).
void add_flows(Grouping& grouping, const Sample& sample);
void add_interfaces(Grouping& grouping, const std::vector<InterfaceTraffic>& interfaces);

} // namespace socktally
