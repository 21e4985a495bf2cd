// SPDX-License-Identifier: MIT
#include "util/text.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace socktally;

TEST_CASE("what was typed is quoted on one line")
{
    CHECK(quote("") == "\"\"");
    CHECK(quote("plain text") == "\"plain text\"");
    CHECK(quote("a\"b\n\x1b") == "\"a\\\"b\\n\\x1b\"");
    CHECK(quote("\xff") == "\"\\xff\"");
    CHECK(quote("é") == "\"é\"");
}

TEST_CASE("long text is cut, never within a character")
{
    CHECK(quote(std::string(60, 'x')) == "\"" + std::string(60, 'x') + "\"");
    CHECK(quote(std::string(61, 'x')) == "\"" + std::string(60, 'x') + "…\"");
    CHECK(quote(std::string(59, 'x') + "éé") == "\"" + std::string(59, 'x') + "…\"");
    CHECK(quote(std::string(1000, '\x80')).size() < 400);
}
