// SPDX-License-Identifier: MIT
// The network interfaces, their addresses, and the interface that traffic leaves by, from the kernel (rtnetlink), and
// the counters of their drivers (/proc/net/dev). No packet is sent. The functions that take a socket of NETLINK_ROUTE
// are about the network namespace in which it was opened, the others about the current one.
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

/// Without addresses. Throws std::system_error, as the next one does.
std::vector<Interface> list_interfaces(NetlinkSocket& route);
std::vector<InterfaceAddress> list_addresses(NetlinkSocket& route);

/// With addresses, by index. Throws std::system_error.
std::vector<Interface> interfaces();

/// The index of the interface that the way to a public address leaves by, of IPv4 before IPv6; null if there is none.
std::optional<std::uint32_t> routed_interface();

// The messages. `payload` is what follows the netlink header; a message that is cut short gives null.

/// Parses an RTM_NEWLINK.
std::optional<Interface> parse_interface(std::span<const std::byte> payload);
/// Parses an RTM_NEWADDR; for a point-to-point interface, this end's address. Null if it has none.
std::optional<InterfaceAddress> parse_interface_address(std::span<const std::byte> payload);
/// Asks for the way to one address (RTM_GETROUTE) as the kernel would take it: policy rules and all tables count.
std::vector<std::byte> route_request(const Address& to);
/// The index of the interface in the answer; null if the way leads nowhere.
std::optional<std::uint32_t> parse_route(std::span<const std::byte> payload);

/// Reads the byte and packet counters of all interfaces but lo, with their index, in the order of the file.
std::vector<InterfaceTraffic> read_interface_counters();
/// Parses that file, which has no indices.
std::vector<InterfaceTraffic> parse_interfaces(std::string_view text);

} // namespace socktally
