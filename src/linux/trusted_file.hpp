// SPDX-License-Identifier: MIT
// Opens files in directories that other users may write to.
#pragma once

#include "linux/fd.hpp"

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

namespace socktally {

/// A file in a directory that other users may write to. `base` is trusted, and its path may have symlinks. The file
/// must belong to `owner` or root. Its path below `base` must not cross a symlink or a mount. So a user cannot make us
/// read a file of another user, or wait for a file system of this user.
struct TrustedPlace {
    std::string base; // a directory
    std::string path; // relative to it
    uid_t owner = 0;
};

/// Reads the file. Returns null, with errno set, if the file cannot be opened or read. errno is EPERM if the file
/// belongs to another user, EFBIG if it is longer than `limit`, ELOOP or EXDEV if its path crosses a symlink or a
/// mount.
std::optional<std::string> read_trusted_file(const TrustedPlace& place, std::size_t limit);

/// Opens the file of a unix socket with O_PATH, under the same conditions as read_trusted_file(). Returns no descriptor
/// if this fails.
Fd find_trusted_socket(const TrustedPlace& place);

} // namespace socktally
