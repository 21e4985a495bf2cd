// SPDX-License-Identifier: MIT
#include "thief.hpp"

#include "pace.hpp"
#include "place.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

namespace truth {
namespace {

/// Appends the children of a process and theirs, as many as there are at the moment.
void add_descendants(pid_t pid, std::vector<pid_t>& to)
{
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
        std::ifstream children(task.path() / "children");
        for (pid_t child = 0; children >> child;) {
            to.push_back(child);
            add_descendants(child, to);
        }
    }
}

std::vector<pid_t> victims(pid_t of)
{
    std::vector<pid_t> pids;
    add_descendants(of, pids);
    std::erase(pids, ::getpid());
    return pids;
}

void signal(const Fd& process, int number) { ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0); }

[[noreturn]] void steal(pid_t from, unsigned seed)
{
    std::mt19937 random(seed);
    const auto up_to = [&](unsigned most) { return Milliseconds(random() % most + 1); };
    for (;;) {
        std::this_thread::sleep_for(up_to(500));
        const auto before = victims(from);
        if (before.empty())
            continue;
        const pid_t victim = before[random() % before.size()];
        const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, victim, 0)));
        const auto now = victims(from); // the pid may have been another process's when it was opened
        if (process.get() < 0 || std::find(now.begin(), now.end(), victim) == now.end())
            continue;
        signal(process, SIGSTOP);
        std::this_thread::sleep_for(up_to(1000));
        signal(process, SIGCONT);
    }
}

} // namespace

Thief::Thief(unsigned seed)
{
    const pid_t from = ::getpid();
    pid_ = fork_in({}, [=] {
        ::alarm(0); // it lives as long as the case
        steal(from, seed);
    });
}

Thief::~Thief() { end(pid_); }

void Thief::hire(std::optional<Thief>& thief, unsigned number)
{
    if (const char* const seed = std::getenv("SOCKTALLY_TRUTH_STEAL"))
        thief.emplace(static_cast<unsigned>(std::strtoul(seed, nullptr, 10)) + number);
}

} // namespace truth
