// SPDX-License-Identifier: MIT
#include "linux/child.hpp"

#include "linux/error.hpp"
#include "linux/system.hpp"
#include "linux/terminal.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace socktally {

namespace {

/// Runs in the new process. Waits for start(), then runs the command. Must not allocate memory, because it runs between
/// fork(2) and exec(3).
[[noreturn]] void become(char* const* words, int go, int errors)
{
    char ignored = 0;
    ssize_t got = 0;
    do {
        got = ::read(go, &ignored, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1) {
        ::execvp(words[0], words);
        const int error = errno;
        [[maybe_unused]] const auto written = ::write(errors, &error, sizeof error);
    }
    ::_exit(1);
}

/// Returns the exit status that a shell would report for `status`, a status of wait(2).
int exit_status(int status)
{
    constexpr int signal_base = 128;
    return WIFSIGNALED(status) ? signal_base + WTERMSIG(status) : WEXITSTATUS(status);
}

bool has_children()
{
    siginfo_t ignored{};
    return ::waitid(P_ALL, 0, &ignored, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/// Passes the signals in `taken`, except SIGCHLD, on to the process until the process has ended. Returns its exit
/// status.
int stand_in_for(pid_t process, const sigset_t& taken)
{
    for (;;) {
        int signal = 0;
        if (::sigwait(&taken, &signal) != 0) {
            continue;
        }
        if (signal != SIGCHLD) {
            ::kill(process, signal);
        }
        int status = 0;
        pid_t ended = 0;
        while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
            if (ended == process) {
                return exit_status(status);
            }
        }
    }
}

} // namespace

std::optional<int> go_on_without_children()
{
    if (!has_children() && ::getpid() != 1) {
        return std::nullopt;
    }
    sigset_t taken{};
    sigset_t previous{};
    sigemptyset(&taken);
    for (const int signal : {SIGCHLD, SIGTERM, SIGHUP}) {
        sigaddset(&taken, signal);
    }
    const auto on_child = std::signal(SIGCHLD, SIG_DFL); // if SIGCHLD is ignored, the kernel keeps no exit status
    ::sigprocmask(SIG_BLOCK, &taken, &previous);
    const pid_t process = ::fork();
    if (process < 0) {
        throw errno_error("cannot start a process");
    }
    if (process == 0) {
        ::sigprocmask(SIG_SETMASK, &previous, nullptr);
        std::signal(SIGCHLD, on_child);
        return std::nullopt;
    }
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGQUIT, SIG_IGN);
    return stand_in_for(process, taken);
}

Surroundings::Surroundings() : closed_(occupy_standard_streams())
{
    // With SIGPIPE and SIGXFSZ ignored, a write to a closed pipe or past a size limit fails, but does not kill this
    // process. So this process can still remove a state file that it has prepared. SIGUSR1 ends a window, but no window
    // has begun yet.
    for (const int signal : {SIGPIPE, SIGXFSZ, SIGUSR1}) {
        signals_.emplace_back(signal, std::signal(signal, SIG_IGN));
    }
}

void Surroundings::restore() const
{
    for (const auto& [signal, handler] : signals_) {
        std::signal(signal, handler);
    }
    for (const int fd : closed_) {
        ::close(fd);
    }
}

Child::Child(const std::vector<std::string>& words, const Surroundings& surroundings,
             std::optional<std::chrono::nanoseconds> patience)
    : patience_(patience)
{
    std::vector<char*> arguments;
    std::transform(words.begin(), words.end(), std::back_inserter(arguments),
                   [](const std::string& word) { return const_cast<char*>(word.c_str()); }); // execvp() changes nothing
    arguments.push_back(nullptr);
    adopt_orphans();
    auto [go_read, go_write] = make_pipe();
    auto [errors_read, errors_write] = make_pipe();
    const auto on_child = std::signal(SIGCHLD, SIG_DFL); // if SIGCHLD is ignored, the kernel keeps no exit status
    pid_ = ::fork();
    if (pid_ == 0) {
        std::signal(SIGCHLD, on_child);
        surroundings.restore();
        go_write = Fd();
        become(arguments.data(), go_read.get(), errors_write.get());
    }
    if (pid_ < 0) {
        throw errno_error("cannot start a process");
    }
    go_ = std::move(go_write);
    errors_ = std::move(errors_read);
    for (const int signal : {SIGINT, SIGQUIT}) {
        of_terminal_.emplace_back(signal, std::signal(signal, SIG_IGN));
    }
}

void Child::start()
{
    if (go_) {
        [[maybe_unused]] const auto written = ::write(go_.get(), "", 1); // fails only if the process was killed
        go_ = Fd();
    }
}

void Child::pass_on(int signal) const
{
    if (!status_) {
        ::kill(pid_, signal);
    }
}

void Child::take_end(int status)
{
    status_ = status;
    if (::read(errors_.get(), &exec_error_, sizeof exec_error_) != sizeof exec_error_) {
        exec_error_ = 0;
    }
    for (const auto& [signal, handler] : of_terminal_) {
        std::signal(signal, handler);
    }
    patience_ends_ = Clock::now() + patience_.value_or(std::chrono::nanoseconds(0));
}

void Child::reap()
{
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
        if (ended == pid_) {
            take_end(status);
        }
    }
    has_left_processes_ = status_ && ended == 0;
}

Child::Clock::time_point Child::latest_end() const
{
    return status_ && patience_ ? patience_ends_ : Clock::time_point::max();
}

int Child::wait()
{
    go_ = Fd();
    while (!status_) {
        int status = 0;
        if (::waitpid(pid_, &status, 0) == pid_) {
            take_end(status);
        } else if (errno != EINTR) {
            throw errno_error("cannot wait for the command");
        }
    }
    constexpr int not_found = 127;
    constexpr int not_run = 126;
    if (exec_error_ != 0) {
        return exec_error_ == ENOENT ? not_found : not_run;
    }
    return exit_status(*status_);
}

} // namespace socktally
