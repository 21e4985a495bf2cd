// SPDX-License-Identifier: MIT
// The files of /proc/PID that say who a process is, read while it lives. Each at most once, and only those needed.
#pragma once

#include "identity/cgroup.hpp"
#include "model/flow.hpp"
#include "model/identity.hpp"

#include <optional>

namespace socktally {

/// Fills `process.identity`, and `process.netns` where that is not known. False where the process (this one, not
/// another that has its pid by now) is gone: nothing is changed then. `proc` is an open directory, /proc.
bool read_identity(int proc, const IdentityNeeds& needs, Process& process);

/// A process with its name and start time; null where it is gone.
std::optional<Process> read_process(int proc, Pid pid);

/// What the path of a cgroup says, without the names that containers have.
Identity identity_in(const CgroupPlace& place);

/// What the cgroup of a socket says of the process that uses it. Null where it says nothing: in the root is whatever
/// has no cgroup of its own, and a systemd (init.scope, *.socket) opens sockets for services that are not started yet.
std::optional<Identity> identity_of_socket_in(const CgroupPlace& place);

} // namespace socktally
