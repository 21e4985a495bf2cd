// SPDX-License-Identifier: MIT
// Turns what BPF programs report about a process into a Process.
#pragma once

#include "linux/clocks.hpp"
#include "model/flow.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <optional>

namespace socktally {

/// The pid namespace of this process, unless it is the first one, whose ids the kernel uses.
inline std::optional<struct stat> own_pid_namespace()
{
    constexpr ino_t first_namespace = 0xEFFFFFFC; // PROC_PID_INIT_INO
    struct stat own {};
    return ::stat("/proc/self/ns/pid", &own) == 0 && own.st_ino != first_namespace ? std::optional(own) : std::nullopt;
}

/// `start_ns` is task_struct.start_boottime, `name` a comm that need not end in NUL.
template <std::size_t length>
Process process_of(std::int32_t pid, std::uint64_t start_ns, std::uint32_t uid, const char (&name)[length])
{
    Process process;
    process.pid = Pid{pid};
    process.start_time = StartTime{start_ticks_of(start_ns, boot_clock_shift())};
    process.name.assign(name, ::strnlen(name, length));
    process.uid = Uid{uid};
    return process;
}

} // namespace socktally
