// SPDX-License-Identifier: MIT
// Ids: one-field structs, so that a pid is never passed for an inode.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <vector>

namespace socktally {

/// A thread group id as seen in our pid namespace. Wraps in seconds on a busy machine: identity is (Pid, StartTime).
struct Pid {
    std::int32_t value = 0;
    auto operator<=>(const Pid&) const = default;
};

/// Clock ticks (USER_HZ, 100 a second) since boot. Backends take them as /proc/PID/stat field 22 shows them to us,
/// which a time namespace shifts; in rows they are the kernel's own (linux/clocks.hpp).
struct StartTime {
    std::uint64_t ticks = 0;
    auto operator<=>(const StartTime&) const = default;
};

struct Uid {
    std::uint32_t value = 0;
    auto operator<=>(const Uid&) const = default;
};

/// A file's number. Of a socket in sockfs, the NNN of `socket:[NNN]`, 0 if no file refers to it (unaccepted,
/// orphaned, TIME_WAIT); of a namespace in nsfs, the NNN of `net:[NNN]`.
struct Inode {
    std::uint64_t value = 0;
    auto operator<=>(const Inode&) const = default;
};

/// A socket's identity from birth to destruction, unique until reboot (sock_diag `idiag_cookie`, SO_COOKIE).
struct Cookie {
    std::uint64_t value = 0;
    auto operator<=>(const Cookie&) const = default;
};

/// Returns whether a namespace is in the list; an empty list has all of them.
inline bool is_wanted(Inode netns, const std::vector<Inode>& wanted)
{
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), netns) != wanted.end();
}

} // namespace socktally
