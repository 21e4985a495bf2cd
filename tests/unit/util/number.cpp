// SPDX-License-Identifier: MIT
#include "util/number.hpp"

#include <doctest/doctest.h>

#include <array>
#include <stdexcept>
#include <string>

using namespace socktally;

namespace {

constexpr std::array<Unit, 3> units{{{"", 1000}, {"m", 1}, {"mi", 7}}};

std::uint64_t value_of(std::string_view text, bool exact = true)
{
    const auto quantity = parse_quantities(text, units);
    REQUIRE(quantity);
    CHECK(quantity->is_exact == exact);
    return static_cast<std::uint64_t>(quantity->value);
}

} // namespace

TEST_CASE("quantities have a number and one of the units, to the last letter")
{
    CHECK(parse_quantity("1.5", units)->value == 1500);
    CHECK(parse_quantity("2m", units)->value == 2);
    CHECK(parse_quantity("2mi", units)->value == 14);
    for (const std::string_view text : {"", "m", "2x", "2mx", "1m2m", "2 m", "1.m", "."}) {
        CHECK_MESSAGE(!parse_quantity(text, units), text);
    }
}

TEST_CASE("several quantities are added up, blanks or not")
{
    CHECK(value_of("2") == 2000);
    CHECK(value_of("2m3mi") == 23);
    CHECK(value_of("2 m  3 mi") == 23);
    CHECK(value_of("1.5m1.5m", false) == 2);
    for (const std::string_view text : {"", " ", " 2", "2 ", "2m3", "2 3", "2m,3m", "2mm", "m2"}) {
        CHECK_MESSAGE(!parse_quantities(text, units), text);
    }
    std::string many;
    for (int i = 0; i < 40'000; ++i) {
        many += "99999999999999999999mi";
    }
    CHECK(parse_quantities(many, units)->value > UINT64_MAX);
}

TEST_CASE("a number within bounds, or the words that say which")
{
    CHECK(require_number("pid", "007", 1, 9) == 7);
    for (const std::string_view text : {"0", "10", "", "-1", "x", "18446744073709551616"}) {
        CHECK_THROWS_WITH_AS(require_number("pid", text, 1, 9), doctest::Contains(": use a whole number from 1 to 9"),
                             std::invalid_argument);
    }
}
