// SPDX-License-Identifier: MIT
// Clocks of threads and of the machine.
//
// A time namespace (time_namespaces(7)) shifts the clocks that its processes read: CLOCK_BOOTTIME, and field 22 of
// /proc/PID/stat, which the kernel shifts for the reader. It does not shift the start times that BPF programs read.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace socktally {

/// Returns the CPU time that the calling thread has used. Searches are paced by it, not by wall time, which would make
/// them rarer on a busy machine, where they are needed most.
std::chrono::nanoseconds thread_cpu_time();

/// Returns how far the boot clock of this process is ahead of the kernel's own. 0 on kernels without time namespaces.
std::chrono::nanoseconds boot_clock_shift();

/// Returns the shift of CLOCK_BOOTTIME in the text of /proc/PID/timens_offsets; 0 if the text has none.
std::chrono::nanoseconds parse_boot_clock_shift(std::string_view offsets);

/// Returns CLOCK_BOOTTIME without the shift: time since boot, including suspend.
std::chrono::nanoseconds time_since_boot();

/// Returns field 22 of /proc/PID/stat as this kernel prints it for a process that started `start_ns` after boot.
std::uint64_t start_ticks_of(std::uint64_t start_ns, std::chrono::nanoseconds shift);

/// Returns the ticks since boot for a field 22 that was read with this shift. Off by at most one tick if the shift is
/// not a whole number of ticks.
std::uint64_t ticks_since_boot(std::uint64_t start_ticks, std::chrono::nanoseconds shift);

} // namespace socktally
