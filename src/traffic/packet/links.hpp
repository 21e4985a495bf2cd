// SPDX-License-Identifier: MIT
// From which network interfaces packets are to be taken, so that each is counted once.
#pragma once

#include "model/interfaces.hpp"

#include <cstdint>
#include <vector>

namespace socktally {

struct InterfaceChoice {
    std::vector<std::uint32_t> skipped; // indices: what they show is seen at another one as well. Sorted
    bool other_hosts = false;           // some interface shows the packets of one that is stacked on it
};

/// All are watched but those that only repeat others: ports of a bridge or a bond, whose local traffic the bridge or
/// bond shows; VLANs and their like, whose packets the interface below shows, unless that itself is left out; a VRF,
/// whose members show them. `links` are those that are wanted: what a link left out would show is shown by no other.
/// What a bridge passes from port to port is nobody's here, and only its ports show it.
InterfaceChoice choose_interfaces(const std::vector<Interface>& links);

/// The UDP ports at which the kernel takes the packets of tunnels.
std::vector<std::uint16_t> tunnel_ports_of(const std::vector<Interface>& links);

} // namespace socktally
