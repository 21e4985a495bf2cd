// SPDX-License-Identifier: MIT
#include "traffic/packet/links.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace socktally {

namespace {

const Interface* find(const std::vector<Interface>& links, std::uint32_t index)
{
    const auto link =
        std::find_if(links.begin(), links.end(), [=](const Interface& each) { return each.index == index; });
    return index == 0 || link == links.end() ? nullptr : &*link;
}

bool is_any(const Interface& link, std::span<const std::string_view> kinds)
{
    return std::find(kinds.begin(), kinds.end(), link.kind) != kinds.end();
}

/// Its master shows what is for this machine.
bool is_port(const std::vector<Interface>& links, const Interface& link)
{
    constexpr std::array<std::string_view, 4> masters{"bridge", "bond", "team", "openvswitch"};
    const Interface* master = find(links, link.master);
    return master != nullptr && is_any(*master, masters);
}

/// A chain of stacked interfaces is short; one that is longer, or goes round in a circle, is not believed.
bool repeats(const std::vector<Interface>& links, const Interface& link, int depth = 0)
{
    constexpr int deepest = 8;
    constexpr std::array<std::string_view, 4> stacked{"vlan", "macvlan", "macvtap", "ipvlan"};
    const bool has_members =
        std::any_of(links.begin(), links.end(), [&](const Interface& each) { return each.master == link.index; });
    if ((link.kind == "vrf" && has_members) || is_port(links, link)) {
        return true;
    }
    const Interface* lower = is_any(link, stacked) ? find(links, link.lower) : nullptr;
    return lower != nullptr && depth < deepest && !repeats(links, *lower, depth + 1);
}

} // namespace

InterfaceChoice choose_interfaces(const std::vector<Interface>& links)
{
    InterfaceChoice choice;
    for (const Interface& link : links) {
        if (repeats(links, link)) {
            choice.skipped.push_back(link.index);
            choice.other_hosts = choice.other_hosts || link.kind == "macvlan" || link.kind == "macvtap";
        }
    }
    std::sort(choice.skipped.begin(), choice.skipped.end());
    return choice;
}

std::vector<std::uint16_t> tunnel_ports_of(const std::vector<Interface>& links)
{
    std::vector<std::uint16_t> ports;
    for (const Interface& link : links) {
        if (link.tunnel_port != 0) {
            ports.push_back(link.tunnel_port);
        }
    }
    return ports;
}

} // namespace socktally
