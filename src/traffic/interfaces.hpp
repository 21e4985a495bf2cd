// SPDX-License-Identifier: MIT
// Byte and packet counters of the network interfaces, as the drivers keep them (/proc/net/dev). For every backend's
// Sample::interfaces.
#pragma once

#include "model/sample.hpp"

#include <string_view>
#include <vector>

namespace socktally {

/// Cumulative counters without lo, in the order of the file, which does not tell the index.
std::vector<InterfaceTraffic> parse_interfaces(std::string_view text);
/// Those of the current network namespace, with the index.
std::vector<InterfaceTraffic> read_interfaces();

/// Whether they are one interface at two times: it may be renamed, and another one get its name.
bool is_same(const InterfaceTraffic& a, const InterfaceTraffic& b);
/// Whether the counters of one interface began anew in between.
bool counters_fell(const InterfaceTraffic& earlier, const InterfaceTraffic& later);
/// Later minus earlier. An interface that is new, or whose counters fell, counts from 0.
std::vector<InterfaceTraffic> interface_deltas(const std::vector<InterfaceTraffic>& earlier,
                                               std::vector<InterfaceTraffic> later);

/// The deltas since `counters` were read, and reads them anew: the next window counts from there.
std::vector<InterfaceTraffic> take_interface_deltas(std::vector<InterfaceTraffic>& counters);

} // namespace socktally
