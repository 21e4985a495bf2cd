// SPDX-License-Identifier: MIT
// Files and sockets in places that others may write to: only those of the owner that is expected, or of root, and never
// through a symlink or a mount that somebody put there. So a user can make us read nothing but his own files, and no
// file system of his can keep us waiting.
#pragma once

#include "linux/fd.hpp"

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

namespace socktally {

/// Where a file is: `base` is trusted and may be reached through symlinks; what is below it is not.
struct TrustedPlace {
    std::string base; // a directory
    std::string path; // relative to it
    uid_t owner = 0;
};

/// The content; null with errno set where it cannot be opened or read, EPERM for the file of somebody else, EFBIG where
/// it is longer than `limit`, ELOOP or EXDEV for a symlink or mount on the way.
std::optional<std::string> read_trusted_file(const TrustedPlace& place, std::size_t limit);

/// A descriptor (O_PATH) of a socket's file, likewise.
Fd find_trusted_socket(const TrustedPlace& place);

} // namespace socktally
