// SPDX-License-Identifier: MIT
// The network interfaces of a network namespace as plain data, and pure functions that find the interface that the
// traffic of a flow passes.
#pragma once

#include "model/address.hpp"
#include "model/flow.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct Interface {
    std::uint32_t index = 0; // the kernel's number of the interface, 1 or more
    std::string name;
    bool is_loopback = false;
    bool is_up = false;
    std::vector<Address> addresses = {};
    std::string kind = {};         // such as "bridge", "veth" or "vlan"; empty for hardware and lo
    std::uint32_t master = 0;      // index of the bridge, bond or VRF that the interface belongs to; 0: none
    std::uint32_t lower = 0;       // index of the interface below this one; 0: none, or in another network namespace
    std::uint16_t tunnel_port = 0; // UDP destination port of a tunnel over UDP (VXLAN, GENEVE); 0: not such a tunnel
};

/// The interfaces and addresses of this machine.
struct Machine {
    std::vector<Interface> interfaces;              // interfaces of the current network namespace; empty: not read
    Inode netns;                                    // inode of the current network namespace; 0: not known
    std::map<Inode, std::set<Address>> elsewhere{}; // known addresses in other network namespaces
};

/// Returns whether both ends of the tuple are in the network namespace `netns`. This is true if either address is a
/// loopback address, or if `netns` has the remote address. Null if the remote address or the addresses of `netns` are
/// not known.
std::optional<bool> stays_on_this_machine(const Tuple& tuple, Inode netns, const Machine& machine);

/// Returns the index of the interface that the traffic of a socket passes. The socket must be in the current network
/// namespace. The interface is
/// - the loopback device if this namespace has the remote address, because the kernel sends nothing out for such an
///   address;
/// - else `device` (Flow::interface) if it is not 0;
/// - else the interface that has the local address of the socket. If no interface has it, or several, the result is 0.
std::uint32_t interface_of(const Tuple& tuple, std::uint32_t device, const Machine& machine);
/// Returns the index of the loopback device; 0 if there is none.
std::uint32_t loopback_of(const std::vector<Interface>& interfaces);

/// How the outbound interface, the one with the traffic to other machines, was chosen.
enum class Outbound : std::uint8_t {
    route,    // the interface has the route to a public address
    first_up, // no route to a public address: the interface is the first that is up and not loopback
};
std::string_view to_string(Outbound outbound); // "default", "fallback"

/// Bytes and packets of a network interface as its driver counts them (/proc/net/dev). The bytes include link-layer
/// headers.
struct InterfaceTraffic {
    std::string name;
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t rx_packets = 0;
    std::uint64_t tx_packets = 0;
    std::optional<Outbound> outbound = std::nullopt; // set only for the interface that mark_outbound() has chosen
    std::uint32_t index = 0; // the kernel's number, which stays the same if the interface is renamed; 0: not known
};
/// Sets `outbound` of the interface for traffic to other machines. This is the interface with the index `routed`. If
/// there is none, it is the first of `interfaces` that is up and not loopback.
void mark_outbound(std::vector<InterfaceTraffic>& traffic, const std::vector<Interface>& interfaces,
                   std::optional<std::uint32_t> routed);

} // namespace socktally
