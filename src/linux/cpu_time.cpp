// SPDX-License-Identifier: MIT
#include "linux/cpu_time.hpp"

#include <time.h>

namespace socktally {

std::chrono::nanoseconds thread_cpu_time()
{
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

} // namespace socktally
