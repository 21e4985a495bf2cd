// SPDX-License-Identifier: MIT
#include "linux/clocks.hpp"

#include <doctest/doctest.h>

#include <ctime>

using namespace socktally;
using namespace std::chrono_literals;

TEST_CASE("the shift of the boot clock is read from timens_offsets")
{
    CHECK(parse_boot_clock_shift("monotonic           0         0\nboottime      1000000 500000000\n") ==
          1'000'000s + 500ms);
    CHECK(parse_boot_clock_shift("monotonic 5 0\nboottime -20 250\n") == -20s + 250ns);
    CHECK(parse_boot_clock_shift("boottime 9000000000 0\n") == 9'000'000'000s);
    for (const char* text : {"", "\n", "monotonic 5 0\n", "boottime\n", "boottime - x\n", "boottime 9000000001 0",
                             "boottime 99999999999999999999 0"}) {
        CHECK(parse_boot_clock_shift(text) == 0ns);
    }
}

TEST_CASE("a start time is the same whatever the shift of its reader")
{
    constexpr std::uint64_t start_ns = 13'198'404'321'987;
    constexpr std::uint64_t ticks = 1'319'840;
    for (const auto shift : {0ns, std::chrono::nanoseconds(1'000'000s), std::chrono::nanoseconds(-300s),
                             std::chrono::nanoseconds(12'340ms)}) {
        CHECK(ticks_since_boot(start_ticks_of(start_ns, shift), shift) == ticks);
    }
    for (const auto shift : {1ns, 9'999'999ns, std::chrono::nanoseconds(-20'000s), std::chrono::nanoseconds(-1ns)}) {
        const std::uint64_t seen = ticks_since_boot(start_ticks_of(start_ns, shift), shift);
        CHECK(seen >= ticks - 1);
        CHECK(seen <= ticks + 1);
    }
}

TEST_CASE("the time since boot is that of the kernel's clock, less the shift")
{
    timespec time{};
    REQUIRE(::clock_gettime(CLOCK_BOOTTIME, &time) == 0);
    const auto read = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    const auto since_boot = time_since_boot() + boot_clock_shift();
    CHECK(since_boot >= read);
    CHECK(since_boot < read + 60s);
}
