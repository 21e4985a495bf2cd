// SPDX-License-Identifier: MIT
// Reads small files whole, into a buffer that is used again. For /proc and its like, whose sizes are not known before.
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

} // namespace socktally
