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
    } catch (const UsageError& error) {
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
    for (const std::string zero : {"0", "0s", "0ms", "0.0", "00h"})
        CHECK(duration_value(zero) == 0ns);
}

TEST_CASE("anything else is no duration, and the error names what is")
{
    for (const std::string text :
         {"",    " ",    "-1", "+1", "nan",  "inf",   "1e3", "1e999", "5x", "5S",    "5us", "1d",  " 5", "5 ",
          "5 s", "0x10", "1.", ".",  "1..5", "1.5.5", ".s",  "s",     "ms", "1m30s", "-0",  "5\n", "1,5"}) {
        CAPTURE(text);
        CHECK(duration_error(text).ends_with(
            ": give a number with ms, s, m or h behind it, as in 500ms, 1.5s, 2m or 24h; without, it is in seconds"));
    }
    CHECK(duration_error("5x").starts_with("bad duration \"5x\": "));
}

TEST_CASE("durations out of reach say so")
{
    for (const std::string text :
         {"8784.00000000001h", "8785h", "31622401", "18446744073709551616", "99999999999999999999999999999999"}) {
        CAPTURE(text);
        CHECK(duration_error(text).ends_with("the longest is 366 days (8784h)"));
    }
    for (const std::string text : {"0.0000000001", "0.0000001ms", "1.33333333333333h"}) {
        CAPTURE(text);
        CHECK(duration_error(text).ends_with("use whole nanoseconds"));
    }
}

TEST_CASE("an error is one line, whatever was typed")
{
    CHECK(duration_error("5\n\x1b[31m\xff") == "bad duration \"5\\n\\x1b[31m\\xff\": give a number with ms, s, m or h "
                                               "behind it, as in 500ms, 1.5s, 2m or 24h; without, it is in seconds");
    CHECK(error_of([] { format_value("a\nb"); }).find('\n') == std::string::npos);
}

TEST_CASE("whole numbers are decimal and within bounds")
{
    CHECK(pid_value("1") == Pid{1});
    CHECK(pid_value("010") == Pid{10});
    CHECK(pid_value("2147483647") == Pid{2147483647});
    for (const std::string text :
         {"", "0", "-1", "+1", "2147483648", "18446744073709551617", "0x10", "1 ", " 1", "1.0", "x"}) {
        CAPTURE(text);
        CHECK(error_of([text] { pid_value(text); }).ends_with(": use a whole number from 1 to 2147483647"));
    }

    CHECK(port_value("1") == 1);
    CHECK(port_value("65535") == 65535);
    CHECK(error_of([] { port_value("0"); }) == "bad port \"0\": use a whole number from 1 to 65535");
    CHECK(error_of([] { port_value("65536"); }) == "bad port \"65536\": use a whole number from 1 to 65535");
    CHECK(error_of([] { port_value("https"); }) == "bad port \"https\": use a whole number from 1 to 65535");

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

    CHECK(group_by_value("user,port") == GroupBy("user,port"));
    CHECK(error_of([] { group_by_value("proces"); }) == "unknown --by key \"proces\": did you mean \"process\"?");

    CHECK(protocol_value("tcp") == Protocol::tcp);
    CHECK(protocol_value("udp") == Protocol::udp);
    for (const auto name : protocol_names())
        CHECK(to_string(protocol_value(name)) == name);
    CHECK(error_of([] { protocol_value("upd"); }) == "unknown protocol \"upd\": did you mean \"udp\"?");
}

TEST_CASE("remotes are addresses or prefixes")
{
    CHECK(remote_value("10.0.0.1").length == 32);
    CHECK(remote_value("10.0.0.0/8").length == 8);
    CHECK(remote_value("fe80::1").address.family == Family::v6);
    for (const std::string text : {"", "10.0.0.0/33", "10.0.0", "example.org", "10.0.0.1:80", "/8"}) {
        CAPTURE(text);
        CHECK(error_of([text] { remote_value(text); }).starts_with("bad address \""));
    }
}

TEST_CASE("lists")
{
    CHECK(list_value("a") == std::vector<std::string_view>{"a"});
    CHECK(list_value("a,b,c") == std::vector<std::string_view>{"a", "b", "c"});
    for (const std::string text : {"", ",", "a,", ",a", "a,,b"}) {
        CAPTURE(text);
        CHECK(error_of([text] { list_value(text); }).ends_with(": an item is empty"));
    }
}
