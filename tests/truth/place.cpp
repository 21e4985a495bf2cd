// SPDX-License-Identifier: MIT
// Forking into namespaces. A pid namespace is entered by the parent for the one fork, for only children can be born
// into it.
#include "place.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>
#include <string>

namespace truth {
namespace {

constexpr unsigned lifetime_limit = 120; // seconds; no process of the suite has reason to live longer

[[noreturn]] void run_and_exit(const std::function<void()>& body)
{
    int status = 0;
    try {
        ::alarm(lifetime_limit);
        body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "truth: process %d: %s\n", ::getpid(), error.what());
        status = 1;
    }
    ::_exit(status);
}

Fd open_namespace(pid_t pid, const char* kind)
{
    const std::string path = "/proc/" + (pid ? std::to_string(pid) : "self") + "/ns/" + kind;
    return Fd(must(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path.c_str()));
}

void become(uid_t uid)
{
    must(::setgroups(0, nullptr), "setgroups");
    must(::setresgid(uid, uid, uid), "setresgid");
    must(::setresuid(uid, uid, uid), "setresuid");
    must(::prctl(PR_SET_DUMPABLE, 1), "prctl"); // else /proc/PID/fd would belong to root
    die_with_parent();
}

/// The low half of an argument of a system call, on a little-endian machine.
constexpr unsigned argument(unsigned number) { return offsetof(seccomp_data, args) + 8 * number; }

/// socket(AF_NETLINK, …, NETLINK_SOCK_DIAG) fails from now on, and with it exec of set-user-ID programs.
void forbid_sock_diag()
{
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(2)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_SOCK_DIAG, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{.len = std::size(program), .filter = program};
    must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
    must(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), "seccomp");
}

/// unshare(2) sets only what children are in; that namespace is entered once its clocks are set.
void enter_time_namespace(std::chrono::seconds boot_shift)
{
    must(::unshare(CLONE_NEWTIME), "unshare time namespace");
    {
        const Fd offsets(must(::open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC), "open timens_offsets"));
        const std::string text = "boottime " + std::to_string(boot_shift.count()) + " 0\n";
        must(::write(offsets.get(), text.data(), text.size()), "shift the boot clock");
    }
    must(::setns(open_namespace(0, "time_for_children").get(), CLONE_NEWTIME), "enter time namespace");
}

void enter(const Place& place)
{
    if (place.mounts) {
        must(::unshare(CLONE_NEWNS), "unshare mount namespace");
        must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
        place.mounts();
    }
    if (place.boot_shift.count() != 0)
        enter_time_namespace(place.boot_shift);
    if (place.pids) {
        const std::filesystem::path here = std::filesystem::current_path(); // which entering changes
        must(::setns(place.pids->mount_fd(), CLONE_NEWNS), "enter mount namespace");
        std::filesystem::current_path(here);
    }
    if (place.net)
        must(::setns(place.net->fd(), CLONE_NEWNET), "enter network namespace");
    if (place.uid != 0)
        become(place.uid);
    if (!place.sock_diag)
        forbid_sock_diag();
}

/// pid 1 of a new pid namespace: shows its processes in /proc and otherwise waits for its end.
[[noreturn]] void be_init(int ready)
{
    die_with_parent();
    ::signal(SIGCHLD, SIG_IGN); // whoever is left to it is reaped
    run_and_exit([ready] {
        must(::unshare(CLONE_NEWNS), "unshare mount namespace");
        must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
        must(::mount("proc", "/proc", "proc", 0, nullptr), "mount /proc");
        constexpr int tell = STDERR_FILENO + 1;
        must(::dup2(ready, tell), "dup2");
        must(::close_range(tell + 1, ~0U, 0), "close_range"); // a descriptor can lead to other namespaces
        must(::write(tell, "", 1), "write");
        must(::close(tell), "close");
        for (;;)
            ::pause();
    });
}

} // namespace

bool has_time_namespaces() { return std::filesystem::exists("/proc/self/timens_offsets"); }

void die_with_parent() { must(::prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl"); }

void end(pid_t pid)
{
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

pid_t fork_in(const Place& place, const std::function<void()>& body)
{
    Fd home;
    if (place.pids) {
        home = open_namespace(0, "pid");
        must(::setns(place.pids->pid_fd(), CLONE_NEWPID), "enter pid namespace");
    }
    const pid_t pid = ::fork();
    if (pid == 0) {
        run_and_exit([&] {
            die_with_parent();
            enter(place);
            body();
        });
    }
    if (place.pids)
        must(::setns(home.get(), CLONE_NEWPID), "return to the first pid namespace");
    return must(pid, "fork");
}

PidSpace::PidSpace()
{
    int ready[2];
    must(::pipe2(ready, O_CLOEXEC), "pipe");
    const Fd reader(ready[0]);
    Fd writer(ready[1]);
    const Fd home = open_namespace(0, "pid");
    must(::unshare(CLONE_NEWPID), "unshare pid namespace");
    init_ = ::fork();
    if (init_ == 0)
        be_init(writer.get());
    must(::setns(home.get(), CLONE_NEWPID), "return to the first pid namespace");
    must(init_, "fork");
    writer.reset();
    char byte = 0;
    if (::read(reader.get(), &byte, 1) != 1)
        throw std::runtime_error("the first process of the pid namespace failed");
    pid_fd_ = open_namespace(init_, "pid");
    mount_fd_ = open_namespace(init_, "mnt");
}

PidSpace::~PidSpace() { end(init_); }

} // namespace truth
