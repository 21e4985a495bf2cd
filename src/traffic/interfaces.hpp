// SPDX-License-Identifier: MIT
// Byte and packet counters of the network interfaces, as the drivers keep them (/proc/net/dev). For every backend's
// Sample::interfaces.
#pragma once

#include "traffic/snapshot.hpp"

#include <string_view>
#include <vector>

namespace socktally {

/// Parses cumulative counters, without lo, in the order of the file, which has no indices.
std::vector<InterfaceTraffic> parse_interfaces(std::string_view text);
/// Reads the interfaces of the current network namespace, with their index.
InterfaceCounters read_interfaces();

/// Reads the counters, and sets what moved since they had the values `counters` in the sample, with notes. The next
/// window begins with the values that were read.
void take_interface_deltas(InterfaceCounters& counters, Sample& sample);

} // namespace socktally
