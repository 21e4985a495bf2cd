// SPDX-License-Identifier: MIT
// The network interfaces and addresses of this namespace, and from which of them packets are to be taken so that each
// is counted once.
#pragma once

#include "linux/netlink_socket.hpp"
#include "model/address.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace socktally {

/// An interface as rtnetlink shows it (RTM_NEWLINK).
struct Link {
    std::uint32_t index = 0;
    std::string name;
    std::string kind;              // "bridge", "veth", "vlan"; empty for hardware and lo
    std::uint32_t master = 0;      // the bridge, bond or VRF that it is part of, or 0
    std::uint32_t lower = 0;       // the interface that it is stacked on, or 0; in this namespace only
    std::uint16_t tunnel_port = 0; // destination port of a tunnel in UDP; else 0
};

/// `payload` is what follows the netlink header of an RTM_NEWLINK. Null where it is cut short.
std::optional<Link> parse_link(std::span<const std::byte> payload);

struct Watch {
    std::vector<std::uint32_t> skipped; // indices: what they show is seen at another one as well. Sorted
    bool other_hosts = false;           // some interface shows the packets of one that is stacked on it
};

/// All are watched but those that only repeat others: ports of a bridge or a bond, whose local traffic the bridge or
/// bond shows; VLANs and their like, whose packets the interface below shows, unless that itself is left out; a VRF,
/// whose members show them. `links` are those that are wanted: what a link left out would show is shown by no other.
/// What a bridge passes from port to port is nobody's here, and only its ports show it.
Watch choose_links(const std::vector<Link>& links);

/// The UDP ports at which the kernel takes the packets of tunnels.
std::vector<std::uint16_t> tunnel_ports_of(const std::vector<Link>& links);

/// The address of an RTM_NEWADDR, likewise; of a point-to-point interface this end's. Null where it has none.
std::optional<Address> parse_address_message(std::span<const std::byte> payload);

/// Of the network namespace in which `route`, a socket of NETLINK_ROUTE, was opened. Both throw std::system_error.
std::vector<Link> read_links(NetlinkSocket& route);
std::vector<Address> read_addresses(NetlinkSocket& route);

} // namespace socktally
