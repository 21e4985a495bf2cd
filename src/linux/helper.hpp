// SPDX-License-Identifier: MIT
// A helper process for calls that may hang: look-ups of users and hosts, and reads from other file systems. If the
// helper does not answer in time, it is killed, and the next question starts a new one.
//
// The helper is forked at the first question. At that time, this process must have only one thread. The helper keeps no
// descriptor but its socket, blocks all signals but SIGKILL and SIGSTOP, and ends when its parent ends. `run`, which
// waits for any child, does not see it. A thread would be cheaper than a process, but cannot be killed.
#pragma once

#include "linux/fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Waits for one of the poll(2) events in `events` on the descriptor. Returns false if the deadline passes first.
bool wait_until_ready(int fd, short events, std::chrono::steady_clock::time_point deadline);

class Helper {
public:
    using Clock = std::chrono::steady_clock;
    /// The function that answers questions. It is called in the helper process.
    using Answer = std::string (*)(std::string_view question);

    explicit Helper(Answer answer) : answer_(answer) {}
    Helper(const Helper&) = delete;
    Helper& operator=(const Helper&) = delete;
    ~Helper() { end(); }

    /// Returns the answer to the question. Returns null if the answer did not come in time, or if the helper could not
    /// be started or has died.
    std::optional<std::string> ask(std::string_view question, Clock::time_point deadline);

    /// Stops the helper until it is killed: it does nothing more, but its sockets stay open.
    void freeze() const;
    /// Kills the helper, if there is one.
    void end();

    /// Returns the process id of the helper; 0 if there is no helper now.
    pid_t pid() const { return pid_; }

private:
    bool start();

    Answer answer_;
    Fd socket_;
    pid_t pid_ = 0;
    std::vector<pid_t> stuck_; // helpers that were killed, but are not dead yet
};

} // namespace socktally
