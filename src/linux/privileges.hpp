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

/// Returns whether this process is in the machine's initial namespace of this kind; null if the kernel does not support
/// the kind. Root of another user namespace has all capabilities there, but may do little outside of it.
enum class NamespaceKind : std::uint8_t { user, cgroup, time };
std::optional<bool> is_in_first(NamespaceKind kind);

/// Returns why capabilities of the program's file would have no effect here, and what to do; empty if they would work.
std::string_view file_capabilities_obstacle();

/// Raises the soft limit of open files to `count`, at most to the hard limit, if it is lower. If the system refuses,
/// opening a file fails later and reports it.
void allow_open_files(std::size_t count);

/// Returns whether this process may open `count` more files; raises the soft limit if necessary.
bool has_room_for_files(std::size_t count);

} // namespace socktally
