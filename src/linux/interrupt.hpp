// SPDX-License-Identifier: MIT
// Receives signals through a descriptor, so that other code can wait for them. The first SIGINT, SIGTERM or SIGHUP ends
// the window early. A second one kills this process at once. SIGUSR1 ends the window as if its time were over, and is
// ignored between windows. A window that measures a command ends with the command, and signals are passed on to the
// command.
#pragma once

#include "linux/child.hpp"
#include "linux/system.hpp"

#include <signal.h>

#include <chrono>
#include <climits>
#include <cstddef>

namespace socktally {

class Interrupt {
public:
    /// Takes over SIGINT, SIGTERM, SIGHUP and SIGUSR1. If the parent process ignored one of the first three (nohup, `&`
    /// in sh), this signal stays ignored.
    Interrupt();
    /// For a window that measures a command. Passes SIGTERM and SIGHUP on to the command, which must outlive this
    /// object. When the command has ended, SIGTERM, SIGHUP and SIGINT end the wait for processes that the command left
    /// running.
    explicit Interrupt(Child& command);
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    /// Waits until `deadline`, until a signal comes, or until the descriptor `also` is readable. `also` may be -1.
    void wait_until(std::chrono::steady_clock::time_point deadline, int also);

    /// Waits until `writable_bytes` can be written to `fd` without waiting. So a slow reader of `fd` does not delay the
    /// reaction to a signal. Returns false if a signal has come, or if release() was called.
    bool wait_writable(int fd);
    static constexpr std::size_t writable_bytes = PIPE_BUF;

    /// Stops taking signals over. From this call on, a signal kills this process. If a signal came before this call,
    /// signal() still returns it.
    void release();

    /// Returns the signal that came; 0 if none did. SIGUSR1 does not count as a signal here.
    int signal() const { return signal_; }

    /// Returns whether the current window must end.
    bool ends_window() const { return ends_series() || ends_early_; }
    /// Returns whether no window follows the current one, because a signal has come or the command is over.
    bool ends_series() const { return signal_ != 0 || (command_ != nullptr && command_->is_over()); }
    /// Returns whether SIGUSR1 ended the window. Then the next window begins at once and has its full length.
    bool ends_early() const { return ends_early_; }
    /// Starts the command, if there is one. Forgets a SIGUSR1 that came before the first window.
    void first_window_begins();
    /// Forgets the SIGUSR1 that ended the window. Only another SIGUSR1 ends the next window.
    void window_is_over() { ends_early_ = false; }

private:
    void take_over();
    void take_pending();
    void take(int signal);
    void give_back();

    sigset_t taken_{};
    sigset_t previous_{};
    SignalQueue queue_;
    Child* command_ = nullptr;
    int signal_ = 0;
    bool ends_early_ = false;
    bool is_released_ = false;
};

} // namespace socktally
