// SPDX-License-Identifier: MIT
// Starting and steering workers: a socket pair carries one byte each way per step.
#include "worker.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <vector>

namespace truth {
namespace {

constexpr int control_number = 3;
constexpr int step_limit = 60'000; // milliseconds

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

/// Until all that was sent is acknowledged. Not for long: a peer may be gone without a word.
void Self::settle() const
{
    constexpr int tries = 500;
    std::vector<int> sockets;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        sockets.push_back(std::stoi(entry.path().filename()));
    }
    const auto is_waiting = [](int fd) {
        int unacknowledged = 0;
        return ::ioctl(fd, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged > 0;
    };
    for (int i = 0; i < tries && std::any_of(sockets.begin(), sockets.end(), is_waiting); ++i) {
        std::this_thread::sleep_for(1ms);
    }
}

void Self::wait_until(const std::function<bool()>& condition, const std::string& what)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(step_limit / 2);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("in vain: to " + what);
        std::this_thread::sleep_for(1ms);
    }
}

std::uint64_t Self::cookie(int fd)
{
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    must(::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), "SO_COOKIE");
    return cookie;
}

std::string Self::owner_line(std::uint64_t cookie, pid_t pid)
{
    return "owner " + std::to_string(cookie) + " " + std::to_string(pid);
}

void Self::wait_until_owned(int fd) { wait_for_line(owner_line(cookie(fd), ::getpid())); }

void Self::wait_for_line(const std::string& line, int times)
{
    wait_until([&] { return ledger_.has_line(line, times); }, "see in the trace: " + line);
}

void Self::wait_for_windows(int windows)
{
    const int target = ledger_.windows() + windows;
    wait_until([&] { return ledger_.windows() >= target || ledger_.is_last_window(); }, "see windows end");
}

void Self::step()
{
    settle();
    char byte = 0;
    must(::write(control_, &byte, 1), "tell the test");
    if (::read(control_, &byte, 1) != 1)
        throw std::runtime_error("the test has gone");
}

void Self::exit() { ::_exit(0); }

void Self::sleep(Milliseconds time) { std::this_thread::sleep_for(time); }

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

void Self::rest()
{
    settle();
    account_.resting = true;
    for (;;)
        ::pause();
}

void Self::await_rest(pid_t child)
{
    wait_until([&] { return ledger_.is_resting(child); }, "see a child come to rest");
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
    note();
}

void Worker::note()
{
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
