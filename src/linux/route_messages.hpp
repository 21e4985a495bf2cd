// SPDX-License-Identifier: MIT
// Asks the kernel over rtnetlink for network interfaces, addresses and routes. A function that takes a socket of
// NETLINK_ROUTE works in the network namespace in which the socket was opened. linux/interfaces.cpp has the functions.
#pragma once

#include "linux/netlink_socket.hpp"
#include "model/interfaces.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
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

} // namespace socktally
