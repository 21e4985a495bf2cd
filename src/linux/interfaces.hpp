// SPDX-License-Identifier: MIT
// Asks the kernel over rtnetlink for the network interfaces, their addresses, and the interface for traffic to other
// machines. Also reads the counters of the drivers (/proc/net/dev). Sends no packet. A function that takes a socket of
// NETLINK_ROUTE works in the network namespace in which the socket was opened. All other functions work in the current
// one.
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

/// An address, and the index of the interface that has it.
struct InterfaceAddress {
    std::uint32_t interface = 0;
    Address address;
};

/// Lists the interfaces, without their addresses. Throws std::system_error.
std::vector<Interface> list_interfaces(NetlinkSocket& route);
/// Lists the addresses of all interfaces. Throws std::system_error.
std::vector<InterfaceAddress> list_addresses(NetlinkSocket& route);

/// Lists the interfaces with their addresses, sorted by index. Throws std::system_error.
std::vector<Interface> interfaces();

/// Returns the index of the interface of the route to a public IPv4 address. If there is no such route, takes the route
/// to a public IPv6 address. Returns null if there is neither.
std::optional<std::uint32_t> routed_interface();

// Functions that parse messages or make requests. `payload` has the bytes after the netlink header. A parser returns
// null for a message that is cut short.

/// Parses an RTM_NEWLINK message.
std::optional<Interface> parse_interface(std::span<const std::byte> payload);
/// Parses an RTM_NEWADDR message. Returns null if the message has no address. For a point-to-point interface, returns
/// the address of our end, not that of the peer.
std::optional<InterfaceAddress> parse_interface_address(std::span<const std::byte> payload);
/// Makes a request for the route to one address (RTM_GETROUTE). To answer it, the kernel applies its policy rules and
/// all routing tables.
std::vector<std::byte> route_request(const Address& to);
/// Returns the index of the interface in the kernel's answer (RTM_NEWROUTE); null if there is no route.
std::optional<std::uint32_t> parse_route(std::span<const std::byte> payload);

/// Reads the counters of bytes and packets of all interfaces, in the order of /proc/net/dev. Also sets the index of
/// each interface.
std::vector<InterfaceTraffic> read_interface_counters();
/// Parses /proc/net/dev. Leaves the index of each interface at 0, because the file does not have it.
std::vector<InterfaceTraffic> parse_interfaces(std::string_view text);

} // namespace socktally
