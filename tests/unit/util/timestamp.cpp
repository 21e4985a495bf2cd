// SPDX-License-Identifier: MIT
// Times as text, both ways, and the pieces that a report is cut into.
#include "util/timestamp.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace std::chrono_literals;

namespace {

TimePoint at(std::chrono::nanoseconds since_1970) { return TimePoint(since_1970); }

} // namespace

TEST_CASE("RFC 3339 in all its spellings")
{
    CHECK(parse_timestamp("1970-01-01T00:00:00Z") == at(0s));
    CHECK(parse_timestamp("2026-11-20T21:32:00.123456Z") == at(1795210320s + 123456us));
    CHECK(parse_timestamp("2026-11-20t21:32:00z") == at(1795210320s));
    CHECK(parse_timestamp("2026-11-20T22:32:00+01:00") == at(1795210320s));
    CHECK(parse_timestamp("2026-11-20T16:02:00-05:30") == at(1795210320s));
    CHECK(parse_timestamp("2026-11-20T21:32:00.1234567899Z") == at(1795210320s + 123456789ns));
    CHECK(parse_timestamp("2024-02-29T23:59:60Z") == parse_timestamp("2024-03-01T00:00:00Z"));
    CHECK(parse_timestamp("2261-12-31T23:59:59.999999999Z"));
}

TEST_CASE("what is no time is null")
{
    for (const char* text : {"",
                             "2026",
                             "2026-11-20",
                             "2026-11-20T21:32",
                             "2026-11-20T21:32:00",
                             "2026-11-20 21:32:00Z",
                             "2026-11-20T21:32:00.Z",
                             "2026-11-20T21:32:00+0100",
                             "2026-11-20T21:32:00+24:00",
                             "2026-11-20T24:00:00Z",
                             "2026-11-20T21:60:00Z",
                             "2026-11-20T21:32:61Z",
                             "2026-13-01T00:00:00Z",
                             "2026-00-01T00:00:00Z",
                             "2025-02-29T00:00:00Z",
                             "2026-11-31T00:00:00Z",
                             "1969-12-31T23:59:59Z",
                             "2262-01-01T00:00:00Z",
                             "99999-01-01T00:00:00Z",
                             "2026-11-20T21:32:00Zx",
                             " 2026-11-20T21:32:00Z",
                             "+026-11-20T21:32:00Z",
                             "2026-11-20T21:32:0 Z",
                             "2026-1a-20T21:32:00Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_timestamp(text));
    }
    CHECK_FALSE(parse_timestamp(std::string_view("2026-11-20T21:32:00\0Z", 21)));
}

TEST_CASE("a date is its midnight")
{
    const auto day = parse_period("2026-11-20");
    REQUIRE(day);
    CHECK(day->begin == at(1795132800s));
    CHECK(day->end == day->begin + 24h);
    const auto month = parse_period("2026-11");
    REQUIRE(month);
    CHECK(month->begin == parse_period("2026-11-01")->begin);
    CHECK(month->end == parse_period("2026-11-30")->end);
    CHECK(parse_period("2024-02")->end == parse_period("2024-03-01")->begin);
    CHECK(parse_period("2261-12")->end == parse_period("2261-12-31")->end);
    for (const std::string_view text :
         {"2026-11-20T", "2026-02-30", "2026-13", "2026-1", "2026-11-", "2026", "26-11-0"}) {
        CHECK_MESSAGE(!parse_period(text), text);
    }
}

TEST_CASE("times are written as they are read")
{
    const TimePoint time = at(1795210320s + 123456us);
    CHECK(to_timestamp(time) == "2026-11-20T21:32:00.123456Z");
    CHECK(to_short_timestamp(time) == "2026-11-20T21:32:00Z");
    CHECK(parse_timestamp(to_timestamp(time)) == time);
}

TEST_CASE("the hour and the day that a time is in")
{
    const TimePoint time = at(1795210320s + 1ns);
    CHECK(to_short_timestamp(beginning(time, Per::hour)) == "2026-11-20T21:00:00Z");
    CHECK(to_short_timestamp(beginning(time, Per::day)) == "2026-11-20T00:00:00Z");
    CHECK(beginning(beginning(time, Per::hour) + length(Per::hour), Per::hour) == beginning(time, Per::hour) + 1h);
    CHECK(beginning(beginning(time, Per::day) - 1ns, Per::day) == beginning(time, Per::day) - length(Per::day));
}
