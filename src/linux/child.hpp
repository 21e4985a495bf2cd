// SPDX-License-Identifier: MIT
// A command in a process of its own. It starts only when told to, with the standard streams and signals that this
// process was started with.
#pragma once

#include "linux/fd.hpp"

#include <sys/types.h>

#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace socktally {

/// Prepares this process: opens /dev/null for closed standard streams, so that no other file gets their numbers, and
/// ignores some signals. Remembers how they were before.
class Surroundings {
public:
    Surroundings();
    Surroundings(const Surroundings&) = delete;
    Surroundings& operator=(const Surroundings&) = delete;
    /// Undoes these changes: for the command, and before this process ends itself by a signal.
    void restore() const;

private:
    std::vector<int> closed_; // standard streams
    std::vector<std::pair<int, void (*)(int)>> signals_;
};

/// A process that has children already, or is process 1, would adopt orphans that are not the command's. Then what
/// follows happens in a new process, in which this returns null. This one waits for it, passes SIGTERM and SIGHUP on to
/// it, and returns its exit status as a shell does. Throws std::system_error.
std::optional<int> go_on_without_children();

class Child {
public:
    using Clock = std::chrono::steady_clock;

    /// Forks. The new process waits for start(), and ends if this object goes away before. Until the command has ended
    /// SIGINT and SIGQUIT are ignored, which a terminal sends to the command too, and from here on orphans of the
    /// command become children of this process. With `patience`, the command is over when no process that it started is
    /// left, or when it has ended that long ago. Throws std::system_error.
    Child(const std::vector<std::string>& words, const Surroundings& surroundings,
          std::optional<std::chrono::nanoseconds> patience);

    pid_t pid() const { return pid_; }
    /// Starts the command. A second call does nothing.
    void start();
    bool is_started() const { return !go_; }
    bool has_ended() const { return status_.has_value(); }
    void pass_on(int signal) const;

    /// Collects processes that have ended.
    void reap();
    bool is_over() const { return status_ && (!patience_ || !has_left_processes_ || Clock::now() >= patience_ends_); }
    /// Returns the time at which the command is over even if processes are left; time_point::max() until the command
    /// has ended.
    Clock::time_point latest_end() const;
    /// Returns whether processes that the command had started were left when it was over.
    bool has_left_processes() const { return has_left_processes_; }

    /// Waits until the command has ended. Returns its exit status as shells do: 128 + N if signal N ended it, 127 if
    /// there is no such command, 126 if it cannot be run.
    int wait();
    /// Returns why the command could not be run, an errno; 0 if it could. Valid after the command has ended.
    int exec_error() const { return exec_error_; }

private:
    void take_end(int status);

    pid_t pid_ = 0;
    Fd go_;                                                  // closed once the command was started
    Fd errors_;                                              // the errno of a failed exec(3) comes here
    std::vector<std::pair<int, void (*)(int)>> of_terminal_; // signals, and how they were handled before
    std::optional<std::chrono::nanoseconds> patience_;
    std::optional<int> status_; // as of wait(2)
    int exec_error_ = 0;
    bool has_left_processes_ = false;
    Clock::time_point patience_ends_{};
};

} // namespace socktally
