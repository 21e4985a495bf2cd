// SPDX-License-Identifier: MIT
// Option values: what is accepted, exactly what it means, and that nothing else is.
#include "cli/values.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace socktally;
using namespace std::chrono_literals;

namespace {

template <class Function>
std::string error_of(Function function)
{
    try {
        function();
    } catch (const std::exception& error) { // parse_options() makes a UsageError of it
        return error.what();
    }
    return "no error";
}

std::string duration_error(std::string_view text)
{
    return error_of([text] { duration_value(text); });
}

} // namespace

TEST_CASE("durations are exact")
{
    CHECK(duration_value("5") == 5s);
    CHECK(duration_value("5s") == 5s);
    CHECK(duration_value("500ms") == 500ms);
    CHECK(duration_value("1.5s") == 1500ms);
    CHECK(duration_value(".5") == 500ms);
    CHECK(duration_value("2m") == 120s);
    CHECK(duration_value("1h") == 3600s);
    CHECK(duration_value("0.1") == 100'000'000ns);
    CHECK(duration_value("0.3h") == 1080s);
    CHECK(duration_value("0.000000001") == 1ns);
    CHECK(duration_value("0.000001ms") == 1ns);
    CHECK(duration_value("1.00000000000000000000000000000") == 1s);
    CHECK(duration_value("010") == 10s);
    CHECK(duration_value("8784h") == 366 * 24h);
    CHECK(duration_value("1d") == 24h);
    CHECK(duration_value("1min") == 60s);
    CHECK(duration_value("1m30s") == 90s);
    CHECK(duration_value("1h 30min 5s") == 5405s);
    CHECK(duration_value("5 minutes") == 300s);
    CHECK(duration_value("5 s") == 5s);
    CHECK(duration_value("1.5h30m") == 2h);
    CHECK(duration_value("2 weeks") == duration_value("1fortnight"));
    CHECK(duration_value("1y") == 31557600s);
    CHECK(duration_value("1M") == 2629800s);
    CHECK(duration_value("5us") == 5us);
    CHECK(duration_value("5\u00b5s") == 5us);
    CHECK(duration_value("1nsec") == 1ns);
    for (const std::string zero : {"0", "0s", "0ms", "0.0", "00h"})
        CHECK(duration_value(zero) == 0ns);
}

TEST_CASE("anything else is no duration, and the error names what is")
{
    for (const std::string text : {"",   " ",   "-1",   "+1",   "nan",  "inf",    "1e3",    "1e999", "5x", "5S",
                                   " 5", "5 ",  "0x10", "1.",   ".",    "1..5",   "1.5.5",  ".s",    "s",  "ms",
                                   "-0", "5\n", "1,5",  "1m30", "5 5s", "1m-30s", "1m,30s", "minute"}) {
        CAPTURE(text);
        CHECK(duration_error(text).ends_with(
            ": use a number with ms, s, min, h or d, such as 500ms, 1.5s, 1m30s or 1d; a "
            "number alone is in seconds"));
    }
    CHECK(duration_error("5x").starts_with("bad duration \"5x\": "));
}

TEST_CASE("durations out of reach say so")
{
    for (const std::string text :
         {"8784.00000000001h", "8785h", "31622401", "18446744073709551616", "99999999999999999999999999999999"}) {
        CAPTURE(text);
        CHECK(duration_error(text).ends_with("the longest is 366d"));
    }
    for (const std::string text : {"0.0000000001", "0.0000001ms", "1.33333333333333h"}) {
        CAPTURE(text);
        CHECK(duration_error(text).ends_with("use whole nanoseconds"));
    }
}

TEST_CASE("an error is one line, whatever was typed")
{
    CHECK(duration_error("5\n\x1b[31m\xff") == "bad duration \"5\\n\\x1b[31m\\xff\": use a number with ms, s, min, h "
                                               "or d, such as 500ms, 1.5s, 1m30s or 1d; a number alone is in seconds");
    CHECK(error_of([] { format_value("a\nb"); }).find('\n') == std::string::npos);
}

TEST_CASE("whole numbers are decimal and within bounds")
{
    CHECK(count_value("010") == 10);
    for (const std::string text :
         {"", "-1", "+1", "4294967296", "18446744073709551617", "0x10", "1 ", " 1", "1.0", "x"}) {
        CAPTURE(text);
        CHECK(error_of([text] { count_value(text); }).ends_with(": use a whole number from 0 to 4294967295"));
    }

    CHECK(capture_buffer_value("524288") == 524288);
    CHECK(capture_buffer_value("4M") == 4 << 20);
    CHECK(capture_buffer_value("512K") == 512 << 10);
    CHECK(capture_buffer_value("1G") == 1 << 30);
    for (const char* text : {"", "M", "511K", "1025M", "2G", "4m", "4MB", "0.0001K", "-1M", "0x10M",
                             "99999999999999999999", "18446744073709551615G"}) {
        CAPTURE(text);
        CHECK(error_of([&] {
                  capture_buffer_value(text);
              }).ends_with("or one with K, M or G such as 4M, between 512K and 1G"));
    }

    CHECK(top_value("3") == 3);
    CHECK(error_of([] { top_value("0"); }).starts_with("bad number of rows \"0\": "));
    CHECK(error_of([] { top_value("-1"); }).starts_with("bad number of rows \"-1\": "));
}

TEST_CASE("words")
{
    for (const Format* format : formats()) {
        CHECK(format_value(format->name) == format);
    }
    CHECK(error_of([] { format_value("jsno"); }) == "unknown format \"jsno\": did you mean \"json\"?");
    CHECK(error_of([] { format_value(""); }).starts_with("unknown format \"\": valid ones are tsv"));

    CHECK(color_value("auto") == ColorWhen::automatic);
    CHECK(color_value("always") == ColorWhen::always);
    CHECK(color_value("never") == ColorWhen::never);
    CHECK(error_of([] { color_value("nevr"); }) == "unknown --color \"nevr\": did you mean \"never\"?");
}
