// SPDX-License-Identifier: MIT
#include "linux/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

namespace socktally {

std::optional<std::string_view> reread_file(int file, std::string& buffer, std::size_t limit)
{
    std::size_t used = 0;
    buffer.resize(std::min<std::size_t>(limit, std::max<std::size_t>(buffer.size(), 1024)));
    while (true) {
        const ssize_t got = ::pread(file, buffer.data() + used, buffer.size() - used, static_cast<off_t>(used));
        if (got < 0) {
            return std::nullopt;
        }
        used += static_cast<std::size_t>(got);
        if (got == 0 || used == limit) {
            return std::string_view(buffer).substr(0, used);
        }
        if (used == buffer.size()) {
            buffer.resize(std::min(limit, buffer.size() * 2));
        }
    }
}

std::optional<std::string_view> read_file(int directory, const char* path, std::string& buffer, std::size_t limit)
{
    const Fd file(::openat(directory, path, O_RDONLY | O_CLOEXEC));
    if (!file) {
        return std::nullopt;
    }
    return reread_file(file.get(), buffer, limit);
}

std::optional<uid_t> owner_of_file(int directory, const char* path)
{
    struct stat status {};
    return ::fstatat(directory, path, &status, 0) == 0 ? std::optional(status.st_uid) : std::nullopt;
}

Directory open_directory(int directory, const char* path)
{
    const int fd = ::openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return nullptr;
    }
    DIR* stream = ::fdopendir(fd);
    if (stream == nullptr) {
        ::close(fd);
    }
    return Directory(stream);
}

} // namespace socktally
