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

} // namespace socktally
