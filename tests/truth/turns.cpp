// SPDX-License-Identifier: MIT
// A pool of processes. Their output goes to files in memory, which are copied out whole.
#include "turns.hpp"

#include "fd.hpp"
#include "place.hpp"

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <list>
#include <memory>
#include <string>

namespace truth {
namespace {

constexpr unsigned turn_limit = 240; // seconds; what one among several said would never be seen if it hung

class Turn {
public:
    Turn(Hall hall, bool is_live, const std::function<int()>& play)
    {
        if (!is_live) {
            output_ = Fd(must(::memfd_create("output", MFD_CLOEXEC), "memfd_create"));
        }
        if (hall == Hall::own) {
            net_ = std::make_unique<Netns>();
            const Inside inside(*net_); // its first process too is nowhere else
            pids_ = std::make_unique<PidSpace>();
        }
        std::fflush(stdout);
        pid_ = fork_in({.net = net_.get(), .pids = pids_.get()}, [&] {
            ::alarm(is_live ? 0 : turn_limit);
            if (!is_live) {
                must(::dup2(output_.get(), STDOUT_FILENO), "dup2");
                must(::dup2(output_.get(), STDERR_FILENO), "dup2");
            }
            must(::close_range(STDERR_FILENO + 1, ~0U, 0), "close_range"); // a descriptor leads to others' namespaces
            if (pids_) { // names that others have given to namespaces are not to be found either
                ::mount("none", "/run/netns", "tmpfs", 0, nullptr);
            }
            const int status = play();
            std::cout.flush();
            std::fflush(stdout);
            ::_exit(status);
        });
    }

    pid_t pid() const { return pid_; }

    void finish(int status, Outcome& outcome) const
    {
        print();
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        ++(code == 0 ? outcome.passed : code == skipped_status ? outcome.skipped : outcome.failed);
        if (WIFSIGNALED(status)) {
            std::printf("truth: a case was ended by signal %d\n", WTERMSIG(status));
        }
        std::fflush(stdout);
    }

private:
    void print() const
    {
        struct stat status {};
        if (output_.get() < 0 || ::fstat(output_.get(), &status) != 0) {
            return;
        }
        std::string text(static_cast<std::size_t>(status.st_size), '\0');
        const ssize_t got = ::pread(output_.get(), text.data(), text.size(), 0);
        std::fwrite(text.data(), 1, got > 0 ? static_cast<std::size_t>(got) : 0, stdout);
    }

    Fd output_;
    std::unique_ptr<Netns> net_;
    std::unique_ptr<PidSpace> pids_;
    pid_t pid_ = -1;
};

} // namespace

Outcome run_turns(unsigned cases, unsigned at_once, Hall hall, const std::function<int(unsigned number)>& play)
{
    Outcome outcome;
    std::list<Turn> running;
    for (unsigned next = 1; next <= cases || !running.empty();) {
        if (next <= cases && running.size() < at_once) {
            running.emplace_back(hall, at_once == 1, [&] { return play(next); });
            ++next;
            continue;
        }
        int status = 0;
        const pid_t ended = must(::waitpid(-1, &status, 0), "waitpid");
        std::erase_if(running, [&](const Turn& turn) {
            const bool is_it = turn.pid() == ended;
            if (is_it) {
                turn.finish(status, outcome);
            }
            return is_it;
        });
    }
    return outcome;
}

} // namespace truth
