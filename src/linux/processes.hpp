// SPDX-License-Identifier: MIT
// Reads facts about processes: on Linux from /proc, on macOS from the kernel (darwin/processes.cpp). `proc` is what
// open_processes() returned.
#pragma once

#include "linux/fd.hpp"
#include "linux/proc.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// Opens the directory `path`, /proc or one that replaces it in tests. Throws std::system_error. macOS needs no
/// directory, and returns no descriptor.
Fd open_processes(const std::string& path);
/// Throws if processes have other pids there than this process knows: if /proc is of another PID namespace.
void require_own_processes();

/// Returns the pids of all processes.
std::vector<std::int32_t> list_processes(int proc);
/// Reads the name, parent and start time of a process. Returns null if the process has gone. ProcStat::name points into
/// `buffer`.
std::optional<ProcStat> read_process_stat(int proc, std::int32_t pid, std::string& buffer);
/// Returns the effective user of a process; null if the process has gone.
std::optional<uid_t> user_of_process(int proc, std::int32_t pid);
/// Returns whether a process is in another network namespace than this process. Returns true if that cannot be read,
/// unless the process has gone.
bool is_in_other_netns(int proc, std::int32_t pid);

} // namespace socktally
