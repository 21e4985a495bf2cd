// SPDX-License-Identifier: MIT
// Reads what the system allows this process: capabilities, namespaces, open files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace socktally {

/// `capability` is a CAP_… number of linux/capability.h.
bool has_capability(int capability);

/// Returns whether this process is in the machine's first namespace of this kind; null if the kernel has none of the
/// kind. Root of another user namespace has all capabilities there, and may do little outside.
enum class NamespaceKind : std::uint8_t { user, cgroup, time };
std::optional<bool> is_in_first(NamespaceKind kind);

/// Says why this process would gain nothing from capabilities of its program's file, and what to do; empty if it would
/// gain from them.
std::string_view file_capabilities_obstacle();

/// Raises the soft limit of open files to `count` if it is lower, at most to the hard one. If that is refused, opening
/// a file fails later and says so.
void allow_open_files(std::size_t count);

/// Returns whether this process may open this many more files, if necessary with a higher soft limit.
bool has_room_for_files(std::size_t count);

} // namespace socktally
