// SPDX-License-Identifier: MIT
// macOS has no time namespaces. It keeps the start times of processes as times of day, so the time since boot is the
// difference to the time of day of the boot.
#include "linux/clocks.hpp"

#include "darwin/sysctl.hpp"

#include <sys/time.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace socktally {

namespace {

constexpr std::uint64_t ns_per_tick = 10'000'000;

std::chrono::nanoseconds since_1970(const timeval& time)
{
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

} // namespace

std::string read_sysctl(std::span<int> name)
{
    constexpr int tries = 4; // the value may grow between the two calls
    for (int i = 0; i < tries; ++i) {
        std::size_t size = 0;
        if (::sysctl(name.data(), static_cast<u_int>(name.size()), nullptr, &size, nullptr, 0) != 0) {
            return {};
        }
        std::string value(size + size / 4, '\0');
        size = value.size();
        if (::sysctl(name.data(), static_cast<u_int>(name.size()), value.data(), &size, nullptr, 0) == 0) {
            value.resize(std::min(size, value.size()));
            return value;
        }
    }
    return {};
}

std::string read_sysctl_text(const char* name)
{
    constexpr std::size_t longest = 256;
    std::string value(longest, '\0');
    std::size_t size = value.size();
    return ::sysctlbyname(name, value.data(), &size, nullptr, 0) == 0 ? value.c_str() : std::string();
}

std::chrono::nanoseconds since_boot(const timeval& time)
{
    timeval boot{};
    std::size_t size = sizeof boot;
    if (::sysctlbyname("kern.boottime", &boot, &size, nullptr, 0) != 0) {
        return std::chrono::nanoseconds(0);
    }
    return std::max(since_1970(time) - since_1970(boot), std::chrono::nanoseconds(0));
}

std::chrono::nanoseconds thread_cpu_time()
{
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::chrono::nanoseconds boot_clock_shift() { return std::chrono::nanoseconds(0); }

std::string boot_id() { return read_sysctl_text("kern.bootsessionuuid"); }

std::chrono::nanoseconds time_since_boot()
{
    timeval now{};
    ::gettimeofday(&now, nullptr);
    return since_boot(now);
}

std::uint64_t start_ticks_of(std::uint64_t start_ns, std::chrono::nanoseconds) { return start_ns / ns_per_tick; }

std::uint64_t ticks_since_boot(std::uint64_t start_ticks, std::chrono::nanoseconds) { return start_ticks; }

} // namespace socktally
