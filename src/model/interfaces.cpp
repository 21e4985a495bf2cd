// SPDX-License-Identifier: MIT
#include "model/interfaces.hpp"

#include <algorithm>

namespace socktally {

namespace {

bool has_address(const Interface& interface, const Address& address)
{
    return std::find(interface.addresses.begin(), interface.addresses.end(), address) != interface.addresses.end();
}

} // namespace

std::uint32_t loopback_of(const std::vector<Interface>& interfaces)
{
    const auto loopback = std::find_if(interfaces.begin(), interfaces.end(),
                                       [](const Interface& interface) { return interface.is_loopback; });
    return loopback == interfaces.end() ? 0 : loopback->index;
}

std::optional<bool> stays_on_this_machine(const Tuple& tuple, Inode netns, const Machine& machine)
{
    const Address& local = tuple.local.address;
    const Address& remote = tuple.remote.address;
    if (local.is_loopback()) { // no other machine can reach this address, so a remote one is not needed
        return true;
    }
    if (remote.is_unspecified()) {
        return std::nullopt;
    }
    if (remote.is_loopback() || remote == local) {
        return true;
    }
    if (machine.netns != Inode{} && netns != Inode{} && netns != machine.netns) {
        const auto there = machine.elsewhere.find(netns);
        return there == machine.elsewhere.end() ? std::nullopt : std::optional(there->second.contains(remote));
    }
    const auto has_it = [&](const Interface& interface) { return has_address(interface, remote); };
    const auto& interfaces = machine.interfaces;
    return interfaces.empty() ? std::nullopt : std::optional(std::any_of(interfaces.begin(), interfaces.end(), has_it));
}

std::uint32_t interface_of(const Tuple& tuple, std::uint32_t device, const Machine& machine)
{
    const std::vector<Interface>& interfaces = machine.interfaces;
    if (stays_on_this_machine(tuple, machine.netns, machine).value_or(false)) {
        return loopback_of(interfaces);
    }
    if (device != 0) {
        return device;
    }
    const Address& local = tuple.local.address;
    std::uint32_t owner = 0;
    for (const Interface& interface : interfaces) {
        if (!local.is_unspecified() && has_address(interface, local)) {
            if (owner != 0) {
                return 0;
            }
            owner = interface.index;
        }
    }
    return owner;
}

std::string_view to_string(Outbound outbound) { return outbound == Outbound::route ? "default" : "fallback"; }

void mark_outbound(std::vector<InterfaceTraffic>& traffic, const std::vector<Interface>& interfaces,
                   std::optional<std::uint32_t> routed)
{
    auto found = std::find_if(interfaces.begin(), interfaces.end(),
                              [routed](const Interface& interface) { return interface.index == routed; });
    const Outbound outbound = found != interfaces.end() ? Outbound::route : Outbound::first_up;
    if (found == interfaces.end()) {
        found = std::find_if(interfaces.begin(), interfaces.end(),
                             [](const Interface& interface) { return interface.is_up && !interface.is_loopback; });
    }
    for (InterfaceTraffic& each : traffic) {
        if (found != interfaces.end() && each.name == found->name) {
            each.outbound = outbound;
        }
    }
}

} // namespace socktally
