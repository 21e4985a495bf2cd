// SPDX-License-Identifier: MIT
// A helper process for calls that may hang: user look-ups, and reading files on other file systems. If an answer does
// not arrive in time, the helper is killed, and the next question starts a new one.
//
// The helper is forked at the first question, when this process must have only one thread. The helper keeps no
// descriptor but its socket, blocks all signals but SIGKILL and SIGSTOP, and ends with its parent. A thread would be
// cheaper, but cannot be killed.
#pragma once

#include "linux/fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Waits for one of these poll(2) events on the descriptor. Returns false if the deadline passes first.
bool wait_until_ready(int fd, short events, std::chrono::steady_clock::time_point deadline);

class Helper {
public:
    using Clock = std::chrono::steady_clock;
    /// Runs in the helper process.
    using Answer = std::string (*)(std::string_view question);

    explicit Helper(Answer answer) : answer_(answer) {}
    Helper(const Helper&) = delete;
    Helper& operator=(const Helper&) = delete;
    ~Helper() { end(); }

    /// Returns the answer; null if it did not arrive in time, or if the process could not be started or has died.
    std::optional<std::string> ask(std::string_view question, Clock::time_point deadline);

    /// Returns the helper's process id; 0 if there is no helper now.
    pid_t pid() const { return pid_; }

private:
    bool start();
    void end();

    Answer answer_;
    Fd socket_;
    pid_t pid_ = 0;
    std::vector<pid_t> stuck_; // killed, but not dead yet
};

} // namespace socktally
