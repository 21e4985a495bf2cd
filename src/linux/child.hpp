// SPDX-License-Identifier: MIT
// A command in a process of its own that starts when it is told to, and finds everything as this process found it.
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

/// Prepares this process: standard streams that are closed get /dev/null, so that no other file takes their numbers,
/// and some signals are ignored. Remembers how it was before.
class Surroundings {
public:
    Surroundings();
    Surroundings(const Surroundings&) = delete;
    Surroundings& operator=(const Surroundings&) = delete;
    /// Undoes all of it: for a command, and to end by a signal.
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
    /// Lets the command run. A second call does nothing.
    void start();
    bool is_started() const { return !go_; }
    bool has_ended() const { return status_.has_value(); }
    void pass_on(int signal) const;

    /// Takes note of the processes that have ended.
    void reap();
    bool is_over() const { return status_ && (!patience_ || !has_left_processes_ || Clock::now() >= patience_ends_); }
    /// When it is over even if it has left processes; time_point::max() until the command has ended.
    Clock::time_point latest_end() const;
    /// Returns whether processes that the command started were still there when it was over.
    bool has_left_processes() const { return has_left_processes_; }

    /// Waits until the command has ended, and returns its exit status as a shell does: 128 + N if signal N ended it,
    /// 127 if there is no such command, 126 if it cannot be run.
    int wait();
    /// The error for which the command could not be run; 0 if it could. Valid once it has ended.
    int exec_error() const { return exec_error_; }

private:
    void take_end(int status);

    pid_t pid_ = 0;
    Fd go_;                                                  // closed when the command was started
    Fd errors_;                                              // what exec(3) failed with
    std::vector<std::pair<int, void (*)(int)>> of_terminal_; // signals, and how they were handled before
    std::optional<std::chrono::nanoseconds> patience_;
    std::optional<int> status_; // as of wait(2)
    int exec_error_ = 0;
    bool has_left_processes_ = false;
    Clock::time_point patience_ends_{};
};

} // namespace socktally
