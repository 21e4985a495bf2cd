// SPDX-License-Identifier: MIT
// What the system allows this process.
#pragma once

#include <cstddef>

namespace socktally {

/// Raises the soft limit of open files to `count` where it is lower, at most to the hard one. Does nothing where that
/// is refused: opening then fails, and says so.
void allow_open_files(std::size_t count);

} // namespace socktally
