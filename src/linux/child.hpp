// SPDX-License-Identifier: MIT
// A command in a process of its own. The command starts only at a call of start(). It gets the standard streams and
// signal handlers that this process was started with.
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

/// Prepares this process for a command, and remembers its earlier state. Opens /dev/null for each closed standard
/// stream, so that no other file gets the number of the stream. Ignores some signals.
class Surroundings {
public:
    Surroundings();
    Surroundings(const Surroundings&) = delete;
    Surroundings& operator=(const Surroundings&) = delete;
    /// Restores the earlier state. Call it before executing the command, or before ending this process by a signal.
    void restore() const;

private:
    std::vector<int> closed_; // standard streams
    std::vector<std::pair<int, void (*)(int)>> signals_;
};

/// Moves the rest of the program into a new process if this process is process 1 or already has children. Such a
/// process would adopt orphans that do not come from the command. Returns null in the process that runs the rest of the
/// program. The old process waits for the new one, and passes SIGTERM and SIGHUP on to it. Then it returns the exit
/// status of the new process, as a shell would report it. Throws std::system_error.
std::optional<int> go_on_without_children();

class Child {
public:
    using Clock = std::chrono::steady_clock;

    /// Forks. The new process waits for start(). If this object is destroyed before start() is called, the new process
    /// ends. From the fork on, orphans of the command become children of this process. Until the command has ended,
    /// this process ignores SIGINT and SIGQUIT, because a terminal sends them to the command too. Without `patience`,
    /// the command is over when it has ended. With `patience`, the command is over when the processes that it started
    /// have ended too, but at the latest `patience` after its own end. Throws std::system_error.
    Child(const std::vector<std::string>& words, const Surroundings& surroundings,
          std::optional<std::chrono::nanoseconds> patience);

    pid_t pid() const { return pid_; }
    /// Starts the command. A second call does nothing.
    void start();
    bool is_started() const { return !go_; }
    bool has_ended() const { return status_.has_value(); }
    void pass_on(int signal) const;

    /// Collects the exit status of each child that has ended.
    void reap();
    bool is_over() const { return status_ && (!patience_ || !has_left_processes_ || Clock::now() >= patience_ends_); }
    /// Returns the time from which the command is over even if processes that it started still run. Returns
    /// time_point::max() if the command has not ended, or without `patience`.
    Clock::time_point latest_end() const;
    /// Returns whether the command has ended, but processes that it started still run.
    bool has_left_processes() const { return has_left_processes_; }

    /// Waits until the command has ended. Returns its exit status as shells do: 128 + N if signal N ended the command,
    /// 127 if there is no such command, 126 if the command cannot be run.
    int wait();
    /// Returns the errno of exec(3) if the command could not be run, else 0. Call it only after the command has ended.
    int exec_error() const { return exec_error_; }

private:
    void take_end(int status);

    pid_t pid_ = 0;
    Fd go_;     // write end of the pipe for which the new process waits; start() closes it
    Fd errors_; // read end of a pipe; the new process writes the errno of a failed exec(3) to it
    std::vector<std::pair<int, void (*)(int)>> of_terminal_; // signals that a terminal sends, with earlier handlers
    std::optional<std::chrono::nanoseconds> patience_;
    std::optional<int> status_; // status of wait(2); null until the command has ended
    int exec_error_ = 0;
    bool has_left_processes_ = false;
    Clock::time_point patience_ends_{};
};

} // namespace socktally
