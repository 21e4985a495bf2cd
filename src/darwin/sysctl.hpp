// SPDX-License-Identifier: MIT
// Reads values of sysctl(3), and the time at which macOS was booted.
#pragma once

#include <sys/sysctl.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>

namespace socktally {

/// Returns the bytes of a value. Returns an empty string if the value cannot be read.
std::string read_sysctl(std::span<int> name);
/// Returns the text of a value such as "kern.bootsessionuuid"; empty if it cannot be read.
std::string read_sysctl_text(const char* name);

/// Returns the time from boot to `seconds` and `microseconds` since 1970. When the clock is set, the kernel moves its
/// boot time too.
std::chrono::nanoseconds since_boot(const timeval& time);

} // namespace socktally
