// SPDX-License-Identifier: MIT
// Asks the kernel (rtnetlink) for the network interfaces, their addresses, and the interface that traffic to the
// outside leaves by, and reads the counters of their drivers (/proc/net/dev). No packet is sent. Functions that take a
// socket of NETLINK_ROUTE list the network namespace in which the socket was opened, the others list the current one.
#pragma once

#include "linux/netlink_socket.hpp"
#include "model/interfaces.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace socktally {

/// An address and the index of its interface.
struct InterfaceAddress {
    std::uint32_t interface = 0;
    Address address;
};

/// Lists the interfaces without addresses. Both functions throw std::system_error.
std::vector<Interface> list_interfaces(NetlinkSocket& route);
std::vector<InterfaceAddress> list_addresses(NetlinkSocket& route);

/// Lists the interfaces with addresses, sorted by index. Throws std::system_error.
std::vector<Interface> interfaces();

/// Returns the index of the interface that the route to a public address uses, IPv4 before IPv6; null if there is no
/// route.
std::optional<std::uint32_t> routed_interface();

// Parsers and requests. `payload` follows the netlink header; a message that is cut short gives null.

/// Parses an RTM_NEWLINK.
std::optional<Interface> parse_interface(std::span<const std::byte> payload);
/// Parses an RTM_NEWADDR; null if it has no address. For a point-to-point interface, returns this end's address.
std::optional<InterfaceAddress> parse_interface_address(std::span<const std::byte> payload);
/// Makes a request for the route to one address (RTM_GETROUTE). The kernel applies policy rules and all tables.
std::vector<std::byte> route_request(const Address& to);
/// Returns the index of the interface in the answer; null if there is no route.
std::optional<std::uint32_t> parse_route(std::span<const std::byte> payload);

/// Reads the byte and packet counters of all interfaces, with their indices, in the order of the file.
std::vector<InterfaceTraffic> read_interface_counters();
/// Parses /proc/net/dev, which has no indices.
std::vector<InterfaceTraffic> parse_interfaces(std::string_view text);

} // namespace socktally
