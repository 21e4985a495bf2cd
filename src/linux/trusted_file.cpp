// SPDX-License-Identifier: MIT
#include "linux/trusted_file.hpp"

#include "linux/file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>

namespace socktally {

namespace {

Fd open_beneath(const TrustedPlace& place, int flags, mode_t type)
{
    const Fd base(::open(place.base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!base) {
        return Fd();
    }
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    Fd file(static_cast<int>(::syscall(SYS_openat2, base.get(), place.path.c_str(), &how, sizeof how)));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) {
        return Fd();
    }
    if ((status.st_mode & S_IFMT) != type || (status.st_uid != 0 && status.st_uid != place.owner)) {
        file = Fd();
        errno = EPERM;
    }
    return file;
}

} // namespace

std::optional<std::string> read_trusted_file(const TrustedPlace& place, std::size_t limit)
{
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    const Fd file = open_beneath(place, O_RDONLY | O_NONBLOCK | O_NOCTTY, S_IFREG);
    if (!file) {
        return std::nullopt;
    }
    std::string buffer;
    const auto text = reread_file(file.get(), buffer, limit + 1);
    if (!text) {
        return std::nullopt;
    }
    if (text->size() > limit) {
        errno = EFBIG;
        return std::nullopt;
    }
    buffer.resize(text->size());
    return buffer;
}

Fd find_trusted_socket(const TrustedPlace& place) { return open_beneath(place, O_PATH, S_IFSOCK); }

} // namespace socktally
