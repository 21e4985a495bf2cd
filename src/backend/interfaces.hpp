// SPDX-License-Identifier: MIT
// Byte and packet counters of the network interfaces, as the drivers keep them (/proc/net/dev). For every backend's
// Sample::interfaces.
#pragma once

#include "model/sample.hpp"

#include <string_view>
#include <vector>

namespace socktally {

/// Cumulative counters without lo, in the order of the file.
std::vector<InterfaceTraffic> parse_interfaces(std::string_view text);
std::vector<InterfaceTraffic> read_interfaces();

/// Later minus earlier, by name. An interface that is new, or whose counters went back, counts from 0.
std::vector<InterfaceTraffic> interface_deltas(const std::vector<InterfaceTraffic>& earlier,
                                               std::vector<InterfaceTraffic> later);

/// The deltas since `counters` were read, and reads them anew: the next window counts from there.
std::vector<InterfaceTraffic> take_interface_deltas(std::vector<InterfaceTraffic>& counters);

} // namespace socktally
