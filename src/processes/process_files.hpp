// SPDX-License-Identifier: MIT
// The files of /proc/PID that say who a process is, read while it lives. Each at most once, and only those needed.
#pragma once

#include "model/flow.hpp"
#include "model/identity.hpp"
#include "processes/cgroup.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace socktally {

/// The contents of the files of a process at one moment.
struct ProcessFiles {
    std::string name;
    std::uint64_t stack_start = 0; // as in Process
    Identity identity;
    Inode netns; // 0: not asked for, or not known
    /// True if no thread lives any more: command, executable and namespaces are gone, and the cgroup may be.
    bool has_ended = false;
};

/// Reads the files of a process. Null if it is gone, also if another process has its pid by now. If only its first
/// thread has ended, reads those of another thread. `proc` is an open directory, /proc.
std::optional<ProcessFiles> read_process_files(int proc, const IdentityNeeds& needs, const Process& process);

/// A process with its name and start time; null where it is gone.
std::optional<Process> read_process(int proc, Pid pid);

/// What the path of a cgroup says, without the names that containers have.
Identity identity_in(const CgroupPlace& place);

/// Returns what the cgroup of a socket says about the process that uses it. Null if it says nothing: the root has
/// everything without a cgroup of its own, and systemd (init.scope, *.socket) opens sockets for services that have not
/// started yet.
std::optional<Identity> identity_of_socket_in(const CgroupPlace& place);

/// Returns the port that a docker-proxy passes on: Docker starts one for each published port, to pass on what the
/// kernel's NAT does not. `arguments` as in /proc/PID/cmdline, with a NUL after each: `docker-proxy -proto tcp -host-ip
/// 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80`. Null where one of these is missing or makes no
/// sense.
std::optional<ProxiedPort> parse_docker_proxy(std::string_view arguments);

} // namespace socktally
