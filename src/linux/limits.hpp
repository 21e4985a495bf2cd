// SPDX-License-Identifier: MIT
// What the system allows this process.
#pragma once

#include <cstddef>

namespace socktally {

/// Raises the soft limit of open files to `count` where it is lower, at most to the hard one. Does nothing where that
/// is refused: opening then fails, and says so.
void allow_open_files(std::size_t count);

/// Whether this process may open so many more files, with a higher soft limit where that is needed.
bool has_room_for_files(std::size_t count);

} // namespace socktally
