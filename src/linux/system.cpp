// SPDX-License-Identifier: MIT
#include "linux/system.hpp"

#include "linux/error.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>

namespace socktally {

std::array<Fd, 2> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw errno_error("cannot make a pipe");
    }
    return {Fd(ends[0]), Fd(ends[1])};
}

std::array<Fd, 2> make_socket_pair()
{
    std::array<int, 2> ends{-1, -1};
    return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0
               ? std::array<Fd, 2>{Fd(ends[0]), Fd(ends[1])}
               : std::array<Fd, 2>{};
}

void close_from(int first) { ::closefrom(first); }

void adopt_orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

void die_with_parent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

pid_t fork_apart() { return static_cast<pid_t>(::syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr)); }

bool has_ended(pid_t child) { return ::waitpid(child, nullptr, WNOHANG | __WALL) != 0; }

void be_readable_by_parent() { ::prctl(PR_SET_DUMPABLE, 1); }

bool keep_sockets()
{
    std::array<sock_filter, 4> instructions{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO), // with errno 0: the call succeeds
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{static_cast<unsigned short>(instructions.size()), instructions.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

int poll_for(std::span<pollfd> fds, std::optional<std::chrono::nanoseconds> timeout)
{
    constexpr std::int64_t second = 1'000'000'000;
    const std::int64_t left = timeout.value_or(std::chrono::nanoseconds(0)).count();
    const timespec time{static_cast<time_t>(left / second), static_cast<long>(left % second)};
    return ::ppoll(fds.data(), fds.size(), timeout ? &time : nullptr, nullptr);
}

SignalQueue::SignalQueue(const sigset_t& signals)
    : fd_(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)), signals_(signals)
{
    if (!fd_) {
        throw errno_error("cannot make a signal descriptor");
    }
}

int SignalQueue::next() const
{
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

} // namespace socktally
