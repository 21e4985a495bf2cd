// SPDX-License-Identifier: MIT
// Starting and steering workers: a socket pair carries one byte each way per step.
#include "worker.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <stdexcept>
#include <thread>

namespace truth {
namespace {

constexpr int control_number = 3;
constexpr int step_limit = 30'000; // milliseconds

/// Leaves the standard ones and the control descriptor: a stray inherited socket would be a second owner.
void keep_only(int control)
{
    must(::dup2(control, control_number), "dup2");
    must(::close_range(control_number + 1, ~0U, 0), "close_range");
}

void set_name(const std::string& name) { must(::prctl(PR_SET_NAME, name.c_str()), "prctl"); }

} // namespace

Self::Self(Ledger& ledger, const std::string& name, int control)
    : ledger_(ledger), account_((set_name(name), ledger.open())), control_(control)
{
    ::signal(SIGPIPE, SIG_IGN);
}

void Self::step()
{
    char byte = 0;
    must(::write(control_, &byte, 1), "tell the test");
    if (::read(control_, &byte, 1) != 1)
        throw std::runtime_error("the test has gone");
}

void Self::exit() { ::_exit(0); }

void Self::sleep(Milliseconds time) { std::this_thread::sleep_for(stretched(time)); }

pid_t Self::child(const std::string& name, const Script& script)
{
    const pid_t pid = must(::fork(), "fork");
    if (pid != 0)
        return pid;
    try {
        die_with_parent();
        Self self(ledger_, name, -1);
        script(self);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "truth: child %s: %s\n", name.c_str(), error.what());
        ::_exit(1);
    }
    ::_exit(0);
}

void Self::join(pid_t child)
{
    int status = 0;
    must(::waitpid(child, &status, 0), "waitpid");
    if (status != 0)
        throw std::runtime_error("a child failed");
}

Worker::Worker(Ledger& ledger, const Place& place, const std::string& name, const Self::Script& script) : name_(name)
{
    int pair[2];
    must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
    control_ = Fd(pair[0]);
    const Fd theirs(pair[1]);
    pid_ = fork_in(place, [&] {
        keep_only(theirs.get());
        Self self(ledger, name, control_number);
        script(self);
        for (;;)
            self.step();
    });
}

void Worker::await()
{
    if (halted_ || ended_)
        return;
    pollfd wait{.fd = control_.get(), .events = POLLIN, .revents = 0};
    if (must(::poll(&wait, 1, step_limit), "poll") == 0)
        throw std::runtime_error(name_ + " does not come to its next step");
    char byte = 0;
    halted_ = ::read(control_.get(), &byte, 1) == 1;
    if (halted_)
        return;
    siginfo_t end{};
    must(::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOWAIT), "waitid");
    if (end.si_code != CLD_EXITED || end.si_status != 0)
        throw std::runtime_error(name_ + " failed");
    ended_ = true;
}

void Worker::go()
{
    if (std::exchange(halted_, false))
        must(::send(control_.get(), "", 1, MSG_NOSIGNAL), "let a worker go on");
}

} // namespace truth
