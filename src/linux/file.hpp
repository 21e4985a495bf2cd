// SPDX-License-Identifier: MIT
// Small files read whole, and directories. For /proc and the like, whose sizes are not known before, and for files in
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

/// The content of `path` below `directory` (AT_FDCWD allowed), at most `limit` bytes of it, in `buffer`.
/// Null with errno set where it cannot be opened or read.
std::optional<std::string_view> read_file(int directory, const char* path, std::string& buffer, std::size_t limit);

/// Reads from the start of an open file again: for the files of /proc that are made anew at each read.
std::optional<std::string_view> reread_file(int file, std::string& buffer, std::size_t limit);

/// Whose it is; of /proc/PID the effective user of the process, dumpable or not (task_dump_owner()). Null where it is
/// gone.
std::optional<uid_t> owner_of_file(int directory, const char* path);

struct CloseDir {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDir>;

/// Opens a directory for listing; null with errno set.
Directory open_directory(int directory, const char* path);

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
