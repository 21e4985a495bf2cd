// SPDX-License-Identifier: MIT
// Where a process of the test runs: its network namespace, perhaps a pid or a time namespace of its own, perhaps
// another user.
// Every process forked here dies with the test, however that ends.
#pragma once

#include "fd.hpp"
#include "netns.hpp"

#include <sys/types.h>

#include <chrono>
#include <functional>

namespace truth {

/// A pid namespace with its own /proc. It must outlive the workers in it: its end waits until each has been reaped.
class PidSpace {
public:
    PidSpace();
    PidSpace(const PidSpace&) = delete;
    PidSpace& operator=(const PidSpace&) = delete;
    ~PidSpace();

    int pid_fd() const { return pid_fd_.get(); }
    int mount_fd() const { return mount_fd_.get(); }

private:
    pid_t init_ = -1;
    Fd pid_fd_;
    Fd mount_fd_;
};

struct Place {
    const Netns* net = nullptr;     // null: the test's own
    const PidSpace* pids = nullptr; // the same
    uid_t uid = 0;
    bool sock_diag = true;              // false: as on a kernel without it
    std::function<void()> mounts{};     // mounts what it needs, in a mount namespace of its own
    std::chrono::seconds boot_shift{0}; // other than 0: a time namespace whose boot clock is so far ahead
};

/// Whether this kernel has time namespaces.
bool has_time_namespaces();

inline constexpr uid_t nobody = 65534;

/// Forks a process that runs `body` there and exits with 0; with 1 and a line on stderr where `body` throws.
pid_t fork_in(const Place& place, const std::function<void()>& body);

/// Asks to be killed when the parent ends. To be repeated after a change of user, which clears it.
void die_with_parent();

/// Kills and reaps.
void end(pid_t pid);

} // namespace truth
