// SPDX-License-Identifier: MIT
// Reads small files as a whole, and lists directories. Made for /proc and similar places, where the size of a file is
// not known.
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

/// Reads up to `limit` bytes of the file at `path` into `buffer`. `path` is relative to `directory`, which may be
/// AT_FDCWD. Returns null, with errno set, if the file cannot be opened or read.
std::optional<std::string_view> read_file(int directory, const char* path, std::string& buffer, std::size_t limit);

/// Reads an open file again from its start, in the same way as read_file(). A file in /proc has new content at each
/// read.
std::optional<std::string_view> reread_file(int file, std::string& buffer, std::size_t limit);

/// Returns the user who owns the file; null if there is no such file. The owner of /proc/PID is the effective user of
/// the process, even if the process is not dumpable (task_dump_owner()).
std::optional<uid_t> owner_of_file(int directory, const char* path);

struct CloseDir {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDir>;

/// Opens a directory for listing. Returns null, with errno set, if the directory cannot be opened.
Directory open_directory(int directory, const char* path);

} // namespace socktally
