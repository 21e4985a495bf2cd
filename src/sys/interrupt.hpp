// SPDX-License-Identifier: MIT
// SIGINT, SIGTERM and SIGHUP as a descriptor to wait on: the first one ends the window early, a second one kills at
// once.
#pragma once

#include "sys/fd.hpp"

#include <signal.h>

#include <chrono>
#include <climits>
#include <cstddef>

namespace socktally {

class Interrupt {
public:
    /// Takes these signals over, save those that the parent had us ignore (nohup, `&` in sh).
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    /// Waits until `deadline`, or until a signal comes, or until `also` (a descriptor, or -1) is readable.
    void wait_until(std::chrono::steady_clock::time_point deadline, int also);

    /// Waits until `fd` takes `writable_bytes` at once, so that a reader who is slow does not keep a signal waiting.
    /// False where nothing is left to look out for: a signal has come, or they are released.
    bool wait_writable(int fd);
    static constexpr std::size_t writable_bytes = PIPE_BUF;

    /// Gives the signals back to the system: from here on they kill at once. One that had come before counts as come.
    void release();

    /// The signal that came, or 0.
    int signal() const { return signal_; }

private:
    void take_pending();

    sigset_t taken_{};
    sigset_t previous_{};
    Fd fd_;
    int signal_ = 0;
    bool is_released_ = false;
};

} // namespace socktally
