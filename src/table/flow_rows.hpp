// SPDX-License-Identifier: MIT
// Makes rows from a sample: one for each flow, or one for each interface. Grouping then adds them up.
#pragma once

#include "model/sample.hpp"
#include "table/grouping.hpp"

#include <vector>

namespace socktally {

/// Makes the row of a flow. The flow must be attributed, and its owner identified.
Row row_of(const Flow& flow, const Sample& sample);

/// Makes the row of an interface. The row has no owner, because drivers do not know which process moves bytes.
Row row_of(const InterfaceTraffic& interface);

/// Adds a row for each flow to `grouping`. Sample::sharers gives the other owners of each flow's socket.
void add_flows(Grouping& grouping, const Sample& sample);
void add_interfaces(Grouping& grouping, const std::vector<InterfaceTraffic>& interfaces);

} // namespace socktally
