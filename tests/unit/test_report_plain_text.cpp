// SPDX-License-Identifier: MIT
// What is taken for a part of JSON without simdjson, and what is left to it.
#include "report/plain_text.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace socktally;

namespace {

bool skips(std::string_view value)
{
    PlainText text(value);
    return text.skip_value() && text.is_good_to_the_end();
}

} // namespace

TEST_CASE("whole numbers are taken as they are in JSON, and no larger than any that fits")
{
    const auto number = [](std::string_view value) { return PlainText(value).number(); };
    CHECK(number("0,") == 0U);
    CHECK(number("12}") == 12U);
    CHECK(number("9999999999999999999") == 9'999'999'999'999'999'999U);
    for (const std::string_view bad : {"", "-1", "+1", "007", "00", " 1", "x", "10000000000000000000", ".5"}) {
        CHECK_MESSAGE(!number(bad), bad);
    }
}

TEST_CASE("strings are taken where nothing in them is escaped, and stay where they are else")
{
    const auto string = [](std::string_view value) { return PlainText(value).string(); };
    CHECK(string(R"("abc",)") == "abc");
    CHECK(string(R"("")") == "");
    CHECK(string("\"\x7f\"") == "\x7f");
    for (const std::string_view bad : {"", "\"", "\"abc", R"("a\"b")", "\"a\tb\"", "\"a\nb\"", "abc", " \"abc\""}) {
        PlainText text(bad);
        CHECK_MESSAGE(!text.string(), bad);
        CHECK(text.take(bad));
    }
}

TEST_CASE("bytes that are not UTF-8 are no JSON")
{
    CHECK(skips("\"\xc3\xa9\""));
    CHECK_FALSE(skips("\"\xff\""));
    CHECK_FALSE(skips("\"\xc3\""));
}

TEST_CASE("other values are skipped, and only good ones")
{
    for (const std::string_view good : {"1", "0", "12.50", "0.0", R"("x")", "true", "false", "null", "1 \t\r"}) {
        CHECK_MESSAGE(skips(good), good);
    }
    for (const std::string_view bad :
         {"", "1.", "1.x", "-1", "1e3", "{}", "[]", "nul", "nulll", "True", "1 x", "\"x"}) {
        CHECK_MESSAGE(!skips(bad), bad);
    }
}

TEST_CASE("a name is plain where it is the same within quotes")
{
    CHECK(PlainText::is_plain("rx_bytes"));
    CHECK(PlainText::is_plain("with blanks"));
    for (const std::string_view bad : {"a\"b", "a\\b", "a\nb", "\x7f", "\xc3\xa9"}) {
        CHECK_MESSAGE(!PlainText::is_plain(bad), bad);
    }
}
