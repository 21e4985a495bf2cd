// SPDX-License-Identifier: MIT
// The classic BPF program of the capture: which packets are kept, and how much of each. It runs in the kernel for each
// packet of the namespace, so what need not be seen is left out here. Pure.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

namespace socktally {

struct FilterPlan {
    std::vector<std::uint32_t> wanted;  // interfaces; empty: all
    std::vector<std::uint32_t> skipped; // interfaces whose packets are seen elsewhere as well
    bool other_hosts = false;           // packets to another link address too: some interface has a second one
    bool udp_only = false;              // of TCP only what comes behind extension headers or a VLAN tag
};

/// Keeps TCP and UDP, or UDP alone, with their headers and no payload: of a plain packet exactly those, of one with
/// options or extension headers more. Drops one of the two copies on lo.
std::vector<sock_filter> packet_filter(const FilterPlan& plan);

} // namespace socktally
