// SPDX-License-Identifier: MIT
// Which capabilities this process has in effect.
#pragma once

#include <string_view>

namespace socktally {

/// `capability` is a CAP_… number of linux/capability.h.
bool has_capability(int capability);

/// Whether the capabilities of this process are worth what they say: root of a user namespace has all of them, and may
/// do little outside.
bool is_in_first_user_namespace();

/// Why this process would gain nothing from capabilities of its program's file, and what to do; empty where it would.
std::string_view file_capabilities_obstacle();

} // namespace socktally
