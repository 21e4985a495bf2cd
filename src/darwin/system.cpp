// SPDX-License-Identifier: MIT
// macOS has no signalfd(2), ppoll(2), pipe2(2) and prctl(2).
#include "linux/system.hpp"

#include "linux/error.hpp"

#include <fcntl.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <stdexcept>

namespace socktally {

namespace {

/// Between the call that makes a descriptor and this one, a fork could pass the descriptor on. socktally does not fork
/// in other threads.
Fd closed_by_exec(int fd)
{
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return Fd(fd);
}

} // namespace

std::array<Fd, 2> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
        throw errno_error("cannot make a pipe");
    }
    return {closed_by_exec(ends[0]), closed_by_exec(ends[1])};
}

std::array<Fd, 2> make_socket_pair()
{
    std::array<int, 2> ends{-1, -1};
    return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0
               ? std::array<Fd, 2>{closed_by_exec(ends[0]), closed_by_exec(ends[1])}
               : std::array<Fd, 2>{};
}

void close_from(int first)
{
    for (int fd = first; fd < ::getdtablesize(); ++fd) {
        ::close(fd);
    }
}

void adopt_orphans()
{
    throw std::runtime_error("socktally run needs Linux: macOS cannot follow all processes that a command starts");
}

pid_t fork_apart() { return ::fork(); }

bool has_ended(pid_t child) { return ::waitpid(child, nullptr, WNOHANG) != 0; }

void be_readable_by_parent() {}

bool keep_sockets() { return false; }

/// The helper that calls this function also ends when its parent closes the socket between them.
void die_with_parent() {}

int poll_for(std::span<pollfd> fds, std::optional<std::chrono::nanoseconds> timeout)
{
    constexpr int for_ever = -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(timeout.value_or(std::chrono::nanoseconds(0)));
    return ::poll(fds.data(), static_cast<nfds_t>(fds.size()),
                  timeout ? static_cast<int>(std::min<std::int64_t>(left.count(), INT_MAX)) : for_ever);
}

SignalQueue::SignalQueue(const sigset_t& signals) : fd_(::kqueue()), signals_(signals)
{
    bool works = static_cast<bool>(fd_);
    for (int signal = 1; works && signal < NSIG; ++signal) {
        if (sigismember(&signals, signal) == 1) {
            struct kevent change {};
            EV_SET(&change, static_cast<std::uintptr_t>(signal), EVFILT_SIGNAL, EV_ADD | EV_CLEAR, 0, 0, nullptr);
            works = ::kevent(fd_.get(), &change, 1, nullptr, 0, nullptr) == 0;
        }
    }
    if (!works) {
        throw errno_error("cannot make a signal descriptor");
    }
}

/// The kqueue only wakes the caller. The signals themselves wait until sigwait(3) takes them.
int SignalQueue::next() const
{
    constexpr timespec at_once{0, 0};
    struct kevent event {};
    while (::kevent(fd_.get(), nullptr, 0, &event, 1, &at_once) > 0) {
    }
    sigset_t waiting;
    sigemptyset(&waiting);
    ::sigpending(&waiting);
    for (int signal = 1; signal < NSIG; ++signal) {
        if (sigismember(&waiting, signal) == 1 && sigismember(&signals_, signal) == 1) {
            sigset_t one;
            sigemptyset(&one);
            sigaddset(&one, signal);
            int taken = 0;
            return ::sigwait(&one, &taken) == 0 ? taken : 0;
        }
    }
    return 0;
}

} // namespace socktally
