// SPDX-License-Identifier: MIT
#include "linux/clocks.hpp"

#include "linux/file.hpp"
#include "linux/privileges.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>

#include <ctime>
#include <string>

namespace socktally {

namespace {

std::chrono::nanoseconds read_clock(clockid_t clock)
{
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

constexpr std::uint64_t ns_per_tick = 10'000'000; // USER_HZ is 100

/// Parses a number with an optional minus sign. Returns 0 for any other text, and for a number that is too large for a
/// clock.
std::int64_t parse_offset(std::string_view text)
{
    constexpr std::uint64_t largest = 9'000'000'000; // this many seconds fit into a count of nanoseconds
    const bool is_negative = text.starts_with('-');
    const auto number = parse_number(text.substr(is_negative ? 1 : 0));
    if (!number || *number > largest) {
        return 0;
    }
    return is_negative ? -static_cast<std::int64_t>(*number) : static_cast<std::int64_t>(*number);
}

/// Returns the shift of the time namespace of this process. Reads /proc/self/timens_offsets, which has the shift for
/// future children. Before Linux 6.3, this shift is not that of the process itself if the process has called
/// unshare(2). Usually, such a process is still in the initial namespace, where its own shift is 0. In any other
/// namespace, the result may be wrong.
std::chrono::nanoseconds read_shift()
{
    constexpr std::size_t limit = 4096;
    if (is_in_first(NamespaceKind::time).value_or(true)) {
        return std::chrono::nanoseconds(0);
    }
    std::string buffer;
    return parse_boot_clock_shift(read_file(AT_FDCWD, "/proc/self/timens_offsets", buffer, limit).value_or(""));
}

} // namespace

std::chrono::nanoseconds thread_cpu_time() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

std::chrono::nanoseconds parse_boot_clock_shift(std::string_view offsets)
{
    while (!offsets.empty()) {
        std::string_view line = next_line(offsets);
        if (next_word(line) == "boottime") {
            const std::chrono::seconds seconds(parse_offset(next_word(line)));
            return seconds + std::chrono::nanoseconds(parse_offset(next_word(line)));
        }
    }
    return std::chrono::nanoseconds(0);
}

std::chrono::nanoseconds boot_clock_shift()
{
    // The shift is constant: the kernel fixes the offsets of a time namespace when the first process enters it.
    static const std::chrono::nanoseconds shift = read_shift();
    return shift;
}

std::string boot_id()
{
    constexpr std::size_t limit = 256;
    std::string buffer;
    const auto text = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", buffer, limit);
    std::string_view rest = text.value_or("");
    return std::string(next_word(rest));
}

std::chrono::nanoseconds time_since_boot() { return read_clock(CLOCK_BOOTTIME) - boot_clock_shift(); }

/// The sum is negative if the process started before the shifted clock was 0. It then wraps at 64 bits before the
/// division, as in the kernel.
std::uint64_t start_ticks_of(std::uint64_t start_ns, std::chrono::nanoseconds shift)
{
    return (start_ns + static_cast<std::uint64_t>(shift.count())) / ns_per_tick;
}

std::uint64_t ticks_since_boot(std::uint64_t start_ticks, std::chrono::nanoseconds shift)
{
    constexpr std::uint64_t half = ns_per_tick / 2;
    if (shift.count() == 0) {
        return start_ticks;
    }
    return (start_ticks * ns_per_tick - static_cast<std::uint64_t>(shift.count()) + half) / ns_per_tick;
}

} // namespace socktally
