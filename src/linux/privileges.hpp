// SPDX-License-Identifier: MIT
// Reads the rights of this process: its capabilities, namespaces and limit of open files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace socktally {

/// Returns whether this process has a capability in its effective set. `capability` is a CAP_… number of
/// linux/capability.h.
bool has_capability(int capability);

/// A kind of namespaces. In a user namespace other than the initial one, root has all capabilities, but few rights
/// outside.
enum class NamespaceKind : std::uint8_t { user, cgroup, time };
/// Returns whether this process is in the initial namespace of this kind; null if the kernel has no such namespaces.
std::optional<bool> is_in_first(NamespaceKind kind);

/// Returns why capabilities of the executable file would have no effect here, and what to do. Returns an empty text if
/// they would have an effect.
std::string_view file_capabilities_obstacle();

/// Raises the soft limit of open files to `count`, but at most to the hard limit. Never lowers it. If the kernel
/// refuses, a later attempt to open a file fails and reports the error.
void allow_open_files(std::size_t count);

/// Returns whether this process may open `count` more files. Raises the soft limit if necessary.
bool has_room_for_files(std::size_t count);

} // namespace socktally
