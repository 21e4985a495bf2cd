// SPDX-License-Identifier: MIT
// The network interfaces of the current network namespace: their addresses, the interface for traffic to other
// machines, and the counters of the drivers. Sends no packet. linux/route_messages.hpp says how Linux is asked.
#pragma once

#include "model/interfaces.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace socktally {

/// Lists the interfaces with their addresses, sorted by index. Throws std::system_error.
std::vector<Interface> interfaces();

/// Returns the index of the interface of the route to a public IPv4 address. If there is no such route, takes the route
/// to a public IPv6 address. Returns null if there is neither.
std::optional<std::uint32_t> routed_interface();

/// Reads the counters of bytes and packets of all interfaces, in the order of /proc/net/dev. Also sets the index of
/// each interface.
std::vector<InterfaceTraffic> read_interface_counters();
/// Parses /proc/net/dev. Leaves the index of each interface at 0, because the file does not have it.
std::vector<InterfaceTraffic> parse_interfaces(std::string_view text);

} // namespace socktally
