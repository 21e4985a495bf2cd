// SPDX-License-Identifier: MIT
// ns_last_pid is set back again and again.
#include "storm.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <random>
#include <stdexcept>

namespace truth {

namespace {
constexpr const char* last_pid = "/proc/sys/kernel/ns_last_pid";
}

bool can_restart_pids() { return ::access(last_pid, W_OK) == 0; }

void restart_pids(pid_t first)
{
    const Fd file(must(::open(last_pid, O_WRONLY | O_CLOEXEC), "open ns_last_pid"));
    const std::string text = std::to_string(first - 1);
    must(::write(file.get(), text.data(), text.size()), "write ns_last_pid");
}

void storm(Self& self, int count, unsigned seed, const At& to, RequestReply size)
{
    constexpr pid_t lowest = 100;
    constexpr int pids = 30;
    constexpr int alive_limit = 12;
    std::mt19937 random(seed);
    int alive = 0;
    for (int index = 0; index < count; ++index) {
        if (index % pids == 0)
            restart_pids(lowest);
        const bool visitor = index % 3 == 0;
        const Milliseconds lifetime(std::uniform_int_distribution(0, 8)(random));
        self.child(visitor ? "t-visitor" : "t-bait", [=](Self& child) {
            if (visitor)
                child.visit(to, size);
            child.sleep(lifetime);
        });
        for (++alive; alive >= alive_limit || (index + 1 == count && alive > 0); --alive) {
            int status = 0;
            must(::wait(&status), "wait");
            if (status != 0)
                throw std::runtime_error("a process of the storm failed");
        }
    }
}

} // namespace truth
