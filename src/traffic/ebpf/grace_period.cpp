// SPDX-License-Identifier: MIT
#include "traffic/ebpf/grace_period.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace socktally {

/// Programs run as readers of RCU, and this membarrier(2) is its synchronize_rcu(). Kernels with CPUs that have no tick
/// (nohz_full) refuse it; a program takes microseconds.
void wait_for_programs()
{
    constexpr auto long_enough = std::chrono::milliseconds(10);
    if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) {
        std::this_thread::sleep_for(long_enough);
    }
}

} // namespace socktally
