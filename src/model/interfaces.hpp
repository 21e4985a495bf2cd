// SPDX-License-Identifier: MIT
// The network interfaces of a namespace as plain data, and which of them a flow's traffic passes. Pure.
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
    std::uint32_t index = 0; // the kernel's number, from 1 on
    std::string name;
    bool is_loopback = false;
    bool is_up = false;
    std::vector<Address> addresses = {};
    std::string kind = {};         // "bridge", "veth", "vlan"; empty for hardware and lo
    std::uint32_t master = 0;      // the bridge, bond or VRF that it belongs to, or 0
    std::uint32_t lower = 0;       // the interface that it is stacked on, or 0; in this namespace only
    std::uint16_t tunnel_port = 0; // destination port of a tunnel in UDP; else 0
};

/// The interfaces and addresses of this machine.
struct Machine {
    std::vector<Interface> interfaces;              // of the current network namespace; empty: not read
    Inode netns;                                    // inode of the current namespace; 0: not known
    std::map<Inode, std::set<Address>> elsewhere{}; // addresses in other namespaces, as far as they were read
};

/// Returns whether both ends of the tuple are in the socket's network namespace `netns`: if either is a loopback
/// address, or the other end is an address of that namespace. Null if that is not known.
std::optional<bool> stays_on_this_machine(const Tuple& tuple, Inode netns, const Machine& machine);

/// Returns the index of the interface that the traffic of a socket of the current namespace passes: loopback if the
/// other end is an address of this machine, because the kernel lets no such packet leave; else `device`
/// (Flow::interface) if it is known; else the interface that has the socket's local address. Returns 0 if no interface
/// or several interfaces have that address.
std::uint32_t interface_of(const Tuple& tuple, std::uint32_t device, const Machine& machine);
/// Returns the index of the loopback device; 0 if there is none.
std::uint32_t loopback_of(const std::vector<Interface>& interfaces);

/// How the interface was chosen that traffic to the outside leaves by.
enum class Outbound : std::uint8_t {
    route,    // the route to a public address leaves by it
    first_up, // there is no such route: the first interface that is up
};
std::string_view to_string(Outbound outbound); // "default", "fallback"

/// Bytes and packets of a network interface as the driver counts them, with the interface's headers (/proc/net/dev).
struct InterfaceTraffic {
    std::string name;
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t rx_packets = 0;
    std::uint64_t tx_packets = 0;
    std::optional<Outbound> outbound = std::nullopt; // set if it was searched and this is it
    std::uint32_t index = 0; // the kernel's number, which stays the same if the interface is renamed; 0: not known
};
/// Marks the interface that traffic to the outside leaves by: the one with the index `routed`, or if `routed` is null,
/// the first of `interfaces` that is up.
void mark_outbound(std::vector<InterfaceTraffic>& traffic, const std::vector<Interface>& interfaces,
                   std::optional<std::uint32_t> routed);

} // namespace socktally
