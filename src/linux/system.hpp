// SPDX-License-Identifier: MIT
// The system calls that Linux and macOS do not share, behind functions that do the same on both. linux/system.cpp has
// them for Linux, darwin/system.cpp for macOS.
#pragma once

#include "linux/fd.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <optional>
#include <span>

namespace socktally {

/// Makes a pipe: its read end, then its write end. execve(2) closes both. Throws std::system_error.
std::array<Fd, 2> make_pipe();
/// Makes two connected stream sockets. execve(2) closes both. Returns two empty descriptors if there are none left.
std::array<Fd, 2> make_socket_pair();
/// Closes all descriptors from `first` on.
void close_from(int first);

/// Makes this process the parent of the orphans among its descendants. Throws if the system cannot do that.
void adopt_orphans();
/// Has the kernel kill this process when its parent ends, if the system can do that.
void die_with_parent();

/// Works like fork(2), but no signal tells the parent when the child ends, and Child does not find the child.
pid_t fork_apart();
/// Returns whether a child of fork_apart() has ended.
bool has_ended(pid_t child);
/// Lets the parent read /proc/PID of this process, even if the program has capabilities of its file.
void be_readable_by_parent();
/// Makes close(2) of this thread do nothing, so that all its sockets stay open. Returns false if the system refuses.
bool keep_sockets();

/// Works like poll(2). Without `timeout`, waits until an event comes.
int poll_for(std::span<pollfd> fds, std::optional<std::chrono::nanoseconds> timeout);

/// The signals in a set, which must be blocked. Other code can wait until one comes.
class SignalQueue {
public:
    SignalQueue() = default;
    /// Throws std::system_error.
    explicit SignalQueue(const sigset_t& signals);

    /// Returns a descriptor that is readable while a signal is waiting.
    int fd() const { return fd_.get(); }
    /// Takes a signal that is waiting. Returns 0 if there is none.
    int next() const;

private:
    Fd fd_;
    [[maybe_unused]] sigset_t signals_{}; // only kqueue(2) of macOS needs it
};

} // namespace socktally
