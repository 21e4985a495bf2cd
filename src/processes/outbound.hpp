// SPDX-License-Identifier: MIT
// Which interface traffic to anywhere leaves by, from the kernel's routing table (rtnetlink). Nothing is sent.
#pragma once

#include "model/sample.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace socktally {

/// Asks for the way to one address (RTM_GETROUTE), as the kernel would take it: policy rules and all tables count.
std::vector<std::byte> route_request(const Address& to);
/// The index of the interface in the answer (struct rtmsg and attributes); null where the way leads nowhere or the
/// answer is cut short.
std::optional<std::uint32_t> parse_route(std::span<const std::byte> payload);

/// The index of the interface that the way to a public address goes out of, of IPv4 before IPv6; null where there is no
/// such way.
std::optional<std::uint32_t> routed_interface();

/// Marks that one of `traffic`; where there is none, the first of `interfaces` that is up.
void mark_outbound(std::vector<InterfaceTraffic>& traffic, const std::vector<Interface>& interfaces,
                   std::optional<std::uint32_t> routed);

} // namespace socktally
