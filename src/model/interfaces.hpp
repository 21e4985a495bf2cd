// SPDX-License-Identifier: MIT
// Network interfaces of this machine's namespace as plain data, and which of them a flow's traffic passes. Pure.
#pragma once

#include "model/address.hpp"
#include "model/flow.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct Interface {
    std::uint32_t index = 0; // of the kernel, from 1 on
    std::string name;
    bool is_loopback = false;
    bool is_up = false;
    std::vector<Address> addresses;
};

/// The index of the interface that a socket's traffic passes: the device that the socket is bound to; that of loopback
/// where the other end is an address of ours; else the one that has the socket's local address. 0 where that cannot be
/// told: the socket has no address of its own, or several interfaces have it.
std::uint32_t interface_of(const Flow& flow, const std::vector<Interface>& interfaces);

/// Returns whether the other end of the tuple is on this machine too; always true if this end is a loopback address.
/// Null if the other end is not known.
std::optional<bool> stays_on_this_machine(const Tuple& tuple, const std::vector<Interface>& interfaces);
/// Returns the index of the loopback device; 0 if there is none.
std::uint32_t loopback_of(const std::vector<Interface>& interfaces);

/// How the interface was found that traffic to anywhere leaves by.
enum class Outbound : std::uint8_t {
    route,    // the way to a public address goes out of it
    first_up, // there is no such way: the first that is up
};
std::string_view to_string(Outbound outbound); // "default", "fallback"

} // namespace socktally
