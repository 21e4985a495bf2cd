// SPDX-License-Identifier: MIT
// The CPU time of a thread, and the clock of the machine since boot. Also the identity of a boot.
//
// A time namespace (time_namespaces(7)) shifts CLOCK_BOOTTIME for the processes in it. When such a process reads
// /proc/PID/stat, field 22 (the start time of the process PID) is shifted too. Start times that BPF programs read are
// not shifted.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace socktally {

/// Returns the CPU time that the calling thread has used. The pause after a search for owners is proportional to the
/// CPU time of the search. If it were proportional to wall time, searches would be rarer on a busy machine, where they
/// are needed most.
std::chrono::nanoseconds thread_cpu_time();

/// Returns how far CLOCK_BOOTTIME of this process is ahead of the same clock in the initial time namespace. Returns 0
/// on a kernel without time namespaces.
std::chrono::nanoseconds boot_clock_shift();

/// Returns the shift of CLOCK_BOOTTIME in `offsets`, the text of /proc/PID/timens_offsets; 0 if the text has none.
std::chrono::nanoseconds parse_boot_clock_shift(std::string_view offsets);

/// Returns a UUID that is new at each boot; empty if it cannot be read.
std::string boot_id();

/// Returns the time since boot, suspend included: CLOCK_BOOTTIME without the shift of the time namespace.
std::chrono::nanoseconds time_since_boot();

/// Returns field 22 of /proc/PID/stat of a process that started `start_ns` after boot. `shift` is the shift of the time
/// namespace in which the field is read.
std::uint64_t start_ticks_of(std::uint64_t start_ns, std::chrono::nanoseconds shift);

/// Returns the ticks from boot to the start of a process. `start_ticks` is field 22 of its /proc/PID/stat, read in a
/// time namespace with this shift. The result is off by at most one tick if the shift is not a whole number of ticks.
std::uint64_t ticks_since_boot(std::uint64_t start_ticks, std::chrono::nanoseconds shift);

} // namespace socktally
