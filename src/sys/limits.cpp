// SPDX-License-Identifier: MIT
#include "sys/limits.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace socktally {

void allow_open_files(std::size_t count)
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < count) {
        limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

} // namespace socktally
