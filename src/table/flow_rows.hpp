// SPDX-License-Identifier: MIT
// Makes rows from a sample: one for each flow, or one for each interface. Grouping then adds them up.
#pragma once

#include "model/sample.hpp"
#include "table/grouping.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace socktally {

/// Makes the row of a flow. The flow must be attributed, and its owner identified.
Row row_of(const Flow& flow, const Sample& sample);
/// Makes the row of the flow with the index `flow`. Sample::sharers gives the other owners of its socket.
Row row_of(std::size_t flow, const Sample& sample);

/// Makes the row of an interface. The row has no owner, because drivers do not know which process moves bytes.
Row row_of(const InterfaceTraffic& interface);

/// Sorts the indices of listed sockets in the order that sort_rows() gives to their rows. Makes rows only of sockets
/// that have the same owner and endpoints.
void sort_flows(std::vector<std::uint32_t>& flows, const Sample& sample);

/// Adds a row for each flow to `grouping`.
void add_flows(Grouping& grouping, const Sample& sample);
/// Makes one look-up of each that went on over TCP because its answer was truncated. Owners must be known.
void join_truncated(Sample& sample);
/// Adds a row for each look-up.
void add_lookups(Grouping& grouping, const Sample& sample);
void add_interfaces(Grouping& grouping, const std::vector<InterfaceTraffic>& interfaces);

} // namespace socktally
