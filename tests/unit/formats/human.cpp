// SPDX-License-Identifier: MIT
#include "formats/human.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <locale>

using namespace socktally;
using namespace std::chrono_literals;

TEST_CASE("bytes in binary units with at most one decimal")
{
    constexpr std::uint64_t kib = 1024;
    constexpr std::uint64_t mib = kib * kib;
    CHECK(human_bytes(0) == "0 B");
    CHECK(human_bytes(1023) == "1023 B");
    CHECK(human_bytes(1024) == "1.0 KiB");
    CHECK(human_bytes(1536) == "1.5 KiB");
    CHECK(human_bytes(99 * kib + 972) == "99.9 KiB");
    CHECK(human_bytes(100 * kib - 10) == "100 KiB"); // 99.99 rounds to 100.0: the decimal goes
    CHECK(human_bytes(1023 * kib) == "1023 KiB");
    CHECK(human_bytes(mib - 1) == "1.0 MiB"); // never 1024 KiB
    CHECK(human_bytes(mib) == "1.0 MiB");
    CHECK(human_bytes(236 * mib) == "236 MiB");
    CHECK(human_bytes(mib * mib) == "1.0 TiB");
    CHECK(human_bytes(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
}

TEST_CASE("rates")
{
    CHECK(human_rate(0, 1s) == "0 B/s");
    CHECK(human_rate(2048, 2s) == "1.0 KiB/s");
    CHECK(human_rate(2048, 500ms) == "4.0 KiB/s");
    CHECK(human_rate(1, 1h) == "<1 B/s");
    CHECK(human_rate(4096) == "4.0 KiB/s");
    CHECK(human_rate(std::numeric_limits<std::uint64_t>::max(), 1ns) == "15.6 EiB/s"); // at the limit, not wrapped
}

TEST_CASE("units by the thousand, and rates in bits")
{
    constexpr Units si{.si = true};
    constexpr Units bits{.bits = true};
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    CHECK(human_bytes(999, si) == "999 B");
    CHECK(human_bytes(1000, si) == "1.0 kB");
    CHECK(human_bytes(999'999, si) == "1.0 MB");
    CHECK(human_bytes(most, si) == "18.4 EB");
    CHECK(human_bytes(1536, bits) == "1.5 KiB"); // no rate
    CHECK(human_rate(1'250'000, si) == "1.3 MB/s");
    CHECK(human_rate(1'250'000, bits) == "10.0 Mbit/s");
    CHECK(human_rate(100, bits) == "800 bit/s");
    CHECK(human_rate(0, bits) == "0 bit/s");
    CHECK(human_rate(1, 1h, bits) == "<8 bit/s");
    CHECK(human_rate(most, bits) == "148 Ebit/s");
    CHECK(human_bits(64'000) == "64.0 kbit/s");
}

TEST_CASE("windows")
{
    CHECK(human_window(750ns) == "750 ns");
    CHECK(human_window(250ms) == "250 ms");
    CHECK(human_window(999600us) == "1.0 s");
    CHECK(human_window(1s) == "1.0 s");
    CHECK(human_window(1500ms) == "1.5 s");
    CHECK(human_window(59999ms) == "1 min 0 s");
    CHECK(human_window(125s) == "2 min 5 s");
    CHECK(human_window(90min) == "1 h 30 min");
    CHECK(human_window(std::chrono::nanoseconds::max()) == "2562047 h 47 min");
}

TEST_CASE("shares: 0% is nothing and 100% is all")
{
    CHECK(human_share(0, 100) == "0%");
    CHECK(human_share(1, 1000) == "<1%");
    CHECK(human_share(1, 3) == "33%");
    CHECK(human_share(999, 1000) == ">99%");
    CHECK(human_share(1000, 1000) == "100%");
}

TEST_CASE("figures do not depend on the locale")
{
    struct Comma : std::numpunct<char> {
        char do_decimal_point() const override { return ','; }
        char do_thousands_sep() const override { return '.'; }
        std::string do_grouping() const override { return "\3"; }
    };
    const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Comma));
    const std::string size = human_bytes(1536);
    const std::string window = human_window(1500ms);
    std::locale::global(before);
    CHECK(size == "1.5 KiB");
    CHECK(window == "1.5 s");
}
