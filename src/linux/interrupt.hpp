// SPDX-License-Identifier: MIT
// Signals as a descriptor to wait on. The first SIGINT, SIGTERM or SIGHUP ends the window early; a second one kills at
// once. SIGUSR1 ends the window as if its time were over, and is ignored between windows. If the window measures a
// command, it ends with the command, and signals are passed on to the command.
#pragma once

#include "linux/child.hpp"
#include "linux/fd.hpp"

#include <signal.h>

#include <chrono>
#include <climits>
#include <cstddef>

namespace socktally {

class Interrupt {
public:
    /// Takes over these signals. SIGINT, SIGTERM and SIGHUP stay ignored if the parent process ignored them (nohup, `&`
    /// in sh).
    Interrupt();
    /// Takes SIGTERM and SIGHUP over for the command, which must outlive this. Once it has ended, these and SIGINT end
    /// the wait for what it left.
    explicit Interrupt(Child& command);
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    /// Waits until `deadline`, or until a signal comes, or until `also` (a descriptor, or -1) is readable.
    void wait_until(std::chrono::steady_clock::time_point deadline, int also);

    /// Waits until `fd` accepts `writable_bytes` at once, so that a slow reader does not delay the reaction to a
    /// signal. Returns false if a signal has come or the signals are released.
    bool wait_writable(int fd);
    static constexpr std::size_t writable_bytes = PIPE_BUF;

    /// Restores the default actions, so a signal kills this process from now on. Interrupt::signal() still returns a
    /// signal that came before.
    void release();

    /// Returns the signal that came, or 0. SIGUSR1 does not count.
    int signal() const { return signal_; }

    /// Returns whether the current window must end.
    bool ends_window() const { return ends_series() || ends_early_; }
    /// Returns whether no other window follows: a signal has come, or the command is over.
    bool ends_series() const { return signal_ != 0 || (command_ != nullptr && command_->is_over()); }
    /// Returns whether SIGUSR1 ended the window. The next window then begins at once and has its full length.
    bool ends_early() const { return ends_early_; }
    /// Drops a SIGUSR1 that came before the first window, and starts the command.
    void first_window_begins();
    /// Forgets the SIGUSR1 of the last window. Another one ends the next window.
    void window_is_over() { ends_early_ = false; }

private:
    void take_over();
    void take_pending();
    void take(int signal);
    void give_back();

    sigset_t taken_{};
    sigset_t previous_{};
    Fd fd_;
    Child* command_ = nullptr;
    int signal_ = 0;
    bool ends_early_ = false;
    bool is_released_ = false;
};

} // namespace socktally
