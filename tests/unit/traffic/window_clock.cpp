// SPDX-License-Identifier: MIT
// Windows that follow each other: no gap, no overlap, no drift.
#include "traffic/window_clock.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace std::chrono_literals;

namespace {

/// What the clocks say `since_boot` after their start.
WindowClock::Moment at(std::chrono::nanoseconds since_boot)
{
    return {WindowClock::Moment{}.steady + since_boot, std::chrono::system_clock::time_point(1000h) + since_boot};
}

} // namespace

TEST_CASE("a day of windows has neither gaps nor drift, though each end is noticed late")
{
    WindowClock clock;
    CHECK(clock.is_first());
    CHECK(clock.begin(1s, at(5ms)) == at(1005ms).steady);
    CHECK_FALSE(clock.is_first());
    auto began = at(5ms).system;
    std::chrono::nanoseconds total{0};
    constexpr int day = 86'400;
    for (int i = 1; i <= day; ++i) {
        Sample sample;
        const auto late = std::chrono::microseconds(1 + i * 7 % 900);
        clock.end(sample, WindowClock::Ended::on_time, at(5ms + i * 1s + late));
        REQUIRE(sample.started_at == began);
        began += sample.duration;
        total += sample.duration;
        REQUIRE(clock.begin(1s, at(5ms + i * 1s + late + 20ms)) == at(5ms + (i + 1) * 1s).steady);
    }
    CHECK(total > day * 1s);
    CHECK(total < day * 1s + 1ms);
}

TEST_CASE("an end that has passed before the window could be waited for is left out")
{
    WindowClock clock;
    clock.begin(10ms, at(0ms));
    Sample sample;
    clock.end(sample, WindowClock::Ended::on_time, at(10ms));
    CHECK(clock.begin(10ms, at(37ms)) == at(40ms).steady);
    clock.end(sample, WindowClock::Ended::on_time, at(40ms));
    CHECK(sample.duration == 30ms);
    CHECK(clock.begin(10ms, at(50ms)) == at(60ms).steady); // at the very end: there is no empty window
}

TEST_CASE("an end that came a little early is not waited for again: there is no tiny window")
{
    WindowClock clock;
    clock.begin(20ms, at(0ms));
    Sample sample;
    clock.end(sample, WindowClock::Ended::on_time,
              at(16ms)); // in the middle of a dump that was quicker than the one before
    CHECK(sample.duration == 16ms);
    CHECK(clock.begin(20ms, at(18ms)) == at(40ms).steady);
    clock.end(sample, WindowClock::Ended::on_time, at(40ms));
    CHECK(sample.duration == 24ms);
    CHECK(clock.begin(20ms, at(41ms)) == at(60ms).steady);
}

TEST_CASE("a window that a signal ends early is followed by one of full length")
{
    WindowClock clock;
    Sample sample;
    clock.begin(10s, at(0ms));
    clock.end(sample, WindowClock::Ended::early, at(3s));
    CHECK(sample.duration == 3s);
    CHECK(clock.begin(10s, at(3010ms)) == at(13s).steady);
    clock.end(sample, WindowClock::Ended::on_time, at(13s));
    CHECK(clock.begin(10s, at(13s)) == at(23s).steady);
}
