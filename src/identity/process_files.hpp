// SPDX-License-Identifier: MIT
// The files of /proc/PID that say who a process is, read while it lives. Each at most once, and only those needed.
#pragma once

#include "identity/cgroup.hpp"
#include "model/flow.hpp"
#include "model/identity.hpp"

namespace socktally {

/// Fills `process.identity`, and `process.netns` where that is not known. False where the process (this one, not
/// another that has its pid by now) is gone: nothing is changed then. `proc` is an open directory, /proc.
bool read_identity(int proc, const IdentityNeeds& needs, Process& process);

/// What the path of a cgroup says, without the names that containers have.
Identity identity_in(const CgroupPlace& place);

} // namespace socktally
