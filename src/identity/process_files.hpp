// SPDX-License-Identifier: MIT
// The files of /proc/PID that say who a process is, read while it lives. Each at most once, and only those needed.
#pragma once

#include "identity/cgroup.hpp"
#include "model/flow.hpp"
#include "model/identity.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace socktally {

/// What the files of a process say at one moment.
struct ProcessFiles {
    std::string name;
    std::uint64_t stack_start = 0; // as in Process
    Identity identity;
    Inode netns; // 0: not asked for, or not known
    /// It has no living thread any more: its command, executable and namespaces are gone, and its cgroup may be.
    bool has_ended = false;
};

/// Null if the process (this one, not another that has its pid by now) is gone. If only its first thread has ended,
/// the others tell. `proc` is an open directory, /proc.
std::optional<ProcessFiles> read_process_files(int proc, const IdentityNeeds& needs, const Process& process);

/// A process with its name and start time; null where it is gone.
std::optional<Process> read_process(int proc, Pid pid);

/// What the path of a cgroup says, without the names that containers have.
Identity identity_in(const CgroupPlace& place);

/// What the cgroup of a socket says of the process that uses it. Null where it says nothing: in the root is whatever
/// has no cgroup of its own, and a systemd (init.scope, *.socket) opens sockets for services that are not started yet.
std::optional<Identity> identity_of_socket_in(const CgroupPlace& place);

} // namespace socktally
