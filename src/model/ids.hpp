// SPDX-License-Identifier: MIT
// Ids: one-field structs, so that a pid is never passed for an inode.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <vector>

namespace socktally {

/// A thread group id as seen in our pid namespace. Ids may be reused within seconds on a busy machine, so (Pid,
/// StartTime) identifies a process.
struct Pid {
    std::int32_t value = 0;
    auto operator<=>(const Pid&) const = default;
};

/// Clock ticks (USER_HZ, 100 a second) since boot. Backends store field 22 of /proc/PID/stat as we see it, shifted by
/// our time namespace; rows have the kernel's own value (linux/clocks.hpp).
struct StartTime {
    std::uint64_t ticks = 0;
    auto operator<=>(const StartTime&) const = default;
};

struct Uid {
    std::uint32_t value = 0;
    auto operator<=>(const Uid&) const = default;
};

/// The inode number of a file. For a socket it is the NNN of `socket:[NNN]`, or 0 if no file refers to the socket
/// (unaccepted, orphaned, TIME_WAIT); for a namespace it is the NNN of `net:[NNN]`.
struct Inode {
    std::uint64_t value = 0;
    auto operator<=>(const Inode&) const = default;
};

/// The identity of a socket as long as it exists, unique until reboot (sock_diag `idiag_cookie`, SO_COOKIE).
struct Cookie {
    std::uint64_t value = 0;
    auto operator<=>(const Cookie&) const = default;
};

/// Returns whether a namespace is to be measured: whether it is in the list, or the list is empty.
inline bool is_wanted(Inode netns, const std::vector<Inode>& wanted)
{
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), netns) != wanted.end();
}

} // namespace socktally
