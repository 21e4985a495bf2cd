// SPDX-License-Identifier: MIT
// Windows of one host: which are the same, which overlap, and how little room they take.
#include "report/coverage.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace std::chrono_literals;
using Verdict = Coverage::Verdict;

namespace {

constexpr TimePoint noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + 12h;

} // namespace

TEST_CASE("windows that follow each other are fresh, in any order")
{
    Coverage coverage;
    CHECK(coverage.add(noon, 1s, 1) == Verdict::fresh);
    CHECK(coverage.add(noon + 1s, 1s, 1) == Verdict::fresh);
    CHECK(coverage.add(noon + 2s - 2us, 1s, 1) == Verdict::fresh); // the clock was set back a little
    CHECK(coverage.add(noon - 10s, 10s, 1) == Verdict::fresh);
    CHECK(coverage.add(noon - 1h, 1min, 1) == Verdict::fresh);
}

TEST_CASE("the same window with the same text is repeated; with another text it overlaps")
{
    for (const auto duration : {std::chrono::nanoseconds(1s), std::chrono::nanoseconds(0)}) {
        Coverage coverage;
        CHECK(coverage.add(noon, duration, 1) == Verdict::fresh);
        CHECK(coverage.add(noon, duration, 1) == Verdict::repeated);
        CHECK(coverage.add(noon + 5s, duration, 1) == Verdict::fresh);
        CHECK(coverage.add(noon, duration, 1) == Verdict::repeated);
        const bool has_window = duration.count() != 0; // totals overlap with everything: another note says so
        CHECK(coverage.add(noon, duration, 2) == (has_window ? Verdict::overlapping : Verdict::fresh));
        CHECK(coverage.add(noon, duration, 2) == Verdict::repeated);
    }
}

TEST_CASE("windows overlap by more than a hundredth of the shorter one")
{
    Coverage coverage;
    CHECK(coverage.add(noon, 100s, 1) == Verdict::fresh);
    CHECK(coverage.add(noon + 99s, 1h, 2) == Verdict::fresh);
    CHECK(coverage.add(noon - 100s, 102s, 3) == Verdict::overlapping);
    CHECK(coverage.add(noon + 50s, 1s, 4) == Verdict::overlapping);
    CHECK(coverage.add(noon - 1h, 5h, 5) == Verdict::overlapping);
}

TEST_CASE("many windows become stretches of time: nothing in them is fresh, and nothing after them is old")
{
    Coverage coverage;
    constexpr int many = 100'000; // a minute each, of which 50 s are measured
    for (int i = 0; i < many; ++i) {
        REQUIRE(coverage.add(noon + i * 1min, 50s, 1) == Verdict::fresh);
    }
    CHECK(coverage.add(noon + 7 * 1min, 50s, 1) == Verdict::overlapping);
    CHECK(coverage.add(noon + 7 * 1min + 51s, 8s, 1) == Verdict::overlapping); // a gap that is no longer known
    CHECK(coverage.add(noon + (many - 1) * 1min, 50s, 1) == Verdict::repeated);
    CHECK(coverage.add(noon - 1min, 50s, 1) == Verdict::fresh);
}

TEST_CASE("the end of time is no overlap with its beginning")
{
    Coverage coverage;
    CHECK(coverage.add(noon, std::chrono::nanoseconds::max(), 1) == Verdict::fresh);
    CHECK(coverage.add(noon, std::chrono::nanoseconds::max(), 1) == Verdict::repeated);
    CHECK(coverage.add(noon + 1h, std::chrono::nanoseconds::max(), 1) == Verdict::overlapping);
    CHECK(coverage.add(noon - 1h, 1h, 1) == Verdict::fresh);
}
