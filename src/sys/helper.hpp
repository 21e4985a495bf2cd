// SPDX-License-Identifier: MIT
// A process of its own for calls that may hang: look-ups of users, files on file systems of others. If an answer does
// not come in time, the process is killed, and the next question gets a new one.
//
// It is forked when it is first asked something, and must be asked from a process with one thread. It keeps no
// descriptor but its socket, takes no signal but SIGKILL and SIGSTOP, and ends with its parent. A thread would be
// cheaper, but cannot be killed.
#pragma once

#include "sys/fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

class Helper {
public:
    using Clock = std::chrono::steady_clock;
    /// Runs in the other process.
    using Answer = std::string (*)(std::string_view question);

    explicit Helper(Answer answer) : answer_(answer) {}
    Helper(const Helper&) = delete;
    Helper& operator=(const Helper&) = delete;
    ~Helper() { end(); }

    /// Null if the answer did not come in time, or if the process could not be made or has died.
    std::optional<std::string> ask(std::string_view question, Clock::time_point deadline);

    /// Its id; 0: there is none now.
    pid_t pid() const { return pid_; }

private:
    bool start();
    void end();

    Answer answer_;
    Fd socket_;
    pid_t pid_ = 0;
};

} // namespace socktally
