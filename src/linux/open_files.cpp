// SPDX-License-Identifier: MIT
// The limit of open files, which Linux and macOS share.
#include "linux/fd.hpp"
#include "linux/privileges.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace socktally {

void allow_open_files(std::size_t count)
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < count) {
        limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/// Opens `count` descriptors as a test, because the number of inherited descriptors is not known.
bool has_room_for_files(std::size_t count)
{
    constexpr std::size_t usual = 1024;
    allow_open_files(usual);
    std::vector<Fd> taken;
    while (taken.size() < count) {
        taken.emplace_back(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
        if (!taken.back()) {
            return false;
        }
    }
    return true;
}

} // namespace socktally
