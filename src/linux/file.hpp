// SPDX-License-Identifier: MIT
// Reads whole small files, and lists directories: in /proc and the like, where sizes are unknown, and in directories
// that other users may write to.
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

/// Reads up to `limit` bytes of the file at `path` below `directory` (AT_FDCWD allowed) into `buffer`. Returns null,
/// with errno set, if the file cannot be opened or read.
std::optional<std::string_view> read_file(int directory, const char* path, std::string& buffer, std::size_t limit);

/// Reads an open file again from its start. A file of /proc gives new content at each read.
std::optional<std::string_view> reread_file(int file, std::string& buffer, std::size_t limit);

/// Returns the owner of the file; null if the file is gone. The owner of /proc/PID is the effective user of the
/// process, even if the process is not dumpable (task_dump_owner()).
std::optional<uid_t> owner_of_file(int directory, const char* path);

struct CloseDir {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDir>;

/// Opens a directory for listing; null with errno set.
Directory open_directory(int directory, const char* path);

/// A file in a directory that other users may write to. `base` is trusted and may contain symlinks. Everything below
/// `base` must belong to `owner` or to root, and no symlink or mount is followed there. So a user can make us read only
/// his own files, and cannot make us wait for a file system of his.
struct TrustedPlace {
    std::string base; // a directory
    std::string path; // relative to it
    uid_t owner = 0;
};

/// Reads the file. Returns null, with errno set, if it cannot be opened or read: EPERM if it belongs to another user,
/// EFBIG if it is longer than `limit`, ELOOP or EXDEV if the path contains a symlink or a mount.
std::optional<std::string> read_trusted_file(const TrustedPlace& place, std::size_t limit);

/// Returns a descriptor (O_PATH) of a socket's file, by the same rules.
Fd find_trusted_socket(const TrustedPlace& place);

} // namespace socktally
