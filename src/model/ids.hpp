// SPDX-License-Identifier: MIT
// Ids: one-field structs, so that a pid is never passed for an inode.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <vector>

namespace socktally {

/// A thread group id as seen in our pid namespace. On a busy machine, the kernel may give the same id to another
/// process within seconds. So a process is identified by Pid and StartTime together.
struct Pid {
    std::int32_t value = 0;
    auto operator<=>(const Pid&) const = default;
};

/// The start of a process in clock ticks (USER_HZ, 100 a second) since boot. Backends store field 22 of /proc/PID/stat,
/// which the kernel shifts by the offset of our time namespace. Rows have the value without this shift
/// (linux/clocks.hpp).
struct StartTime {
    std::uint64_t ticks = 0;
    auto operator<=>(const StartTime&) const = default;
};

struct Uid {
    std::uint32_t value = 0;
    auto operator<=>(const Uid&) const = default;
};

/// The inode number of a file. For a socket, it is the NNN of `socket:[NNN]`, or 0 if no file refers to the socket (not
/// accepted yet, orphaned, TIME_WAIT). For a namespace, it is the NNN of `net:[NNN]`.
struct Inode {
    std::uint64_t value = 0;
    auto operator<=>(const Inode&) const = default;
};

/// The identity of a socket (sock_diag `idiag_cookie`, SO_COOKIE). It never changes, and no other socket gets the same
/// cookie before a reboot.
struct Cookie {
    std::uint64_t value = 0;
    auto operator<=>(const Cookie&) const = default;
};

/// Returns whether a network namespace is to be measured: true if it is in `wanted`, or if `wanted` is empty.
inline bool is_wanted(Inode netns, const std::vector<Inode>& wanted)
{
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), netns) != wanted.end();
}

} // namespace socktally
