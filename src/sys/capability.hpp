// SPDX-License-Identifier: MIT
// Which capabilities this process has in effect.
#pragma once

namespace socktally {

/// `capability` is a CAP_… number of linux/capability.h.
bool has_capability(int capability);

} // namespace socktally
