// SPDX-License-Identifier: MIT
// Reads the facts that identify a living process: on Linux from /proc (process_reader.cpp), on macOS through libproc
// (darwin/process_reader.cpp).
#pragma once

#include "model/flow.hpp"
#include "model/identity.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace socktally {

/// The facts about a process, read together.
struct ProcessFiles {
    std::string name;
    std::uint64_t stack_start = 0; // as in Process
    Identity identity;
    Inode netns; // network namespace of the process; 0: not needed, or not known
    /// True if all threads have ended. Then command, executable and namespaces can no longer be read, and perhaps not
    /// the cgroup either.
    bool has_ended = false;
};

/// Reads the needed files of a process. If its first thread has ended, reads the files of a living thread. Returns null
/// if the process has gone, even if another process has got its pid. `proc` is what
/// open_processes() returned.
std::optional<ProcessFiles> read_process_files(int proc, const IdentityNeeds& needs, const Process& process);

} // namespace socktally
