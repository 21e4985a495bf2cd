// SPDX-License-Identifier: MIT
// Reads small files whole, and directories: in /proc and the like, whose sizes are unknown, and in
// places that others may write to.
#pragma once

#include "linux/fd.hpp"

#include <dirent.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// Reads the file at `path` below `directory` (AT_FDCWD allowed), at most `limit` bytes of it, into `buffer`. Null with
/// errno set if it cannot be opened or read.
std::optional<std::string_view> read_file(int directory, const char* path, std::string& buffer, std::size_t limit);

/// Reads an open file from its start again: for the files of /proc, whose content is made at each read.
std::optional<std::string_view> reread_file(int file, std::string& buffer, std::size_t limit);

/// Returns the owner; of /proc/PID this is the effective user of the process, dumpable or not (task_dump_owner()). Null
/// if the file is gone.
std::optional<uid_t> owner_of_file(int directory, const char* path);

struct CloseDir {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDir>;

/// Opens a directory for listing; null with errno set.
Directory open_directory(int directory, const char* path);

/// A file in a place that others may write to. `base` is trusted and may be reached through symlinks; what is below it
/// must belong to the owner or to root, and no symlink or mount on the way is followed. So a user can make us read only
/// files of his own, and no file system of his can keep us waiting.
struct TrustedPlace {
    std::string base; // a directory
    std::string path; // relative to it
    uid_t owner = 0;
};

/// Reads the file. Null with errno set if it cannot be opened or read: EPERM for the file of another user, EFBIG if it
/// is longer than `limit`, ELOOP or EXDEV for a symlink or mount on the way.
std::optional<std::string> read_trusted_file(const TrustedPlace& place, std::size_t limit);

/// Returns a descriptor (O_PATH) of a socket's file, on the same terms.
Fd find_trusted_socket(const TrustedPlace& place);

} // namespace socktally
