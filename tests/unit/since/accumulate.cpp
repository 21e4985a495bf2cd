// SPDX-License-Identifier: MIT
#include "since/accumulate.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace socktally;

namespace {

const GrowingSeries::Labels rest{{"process", "other"}, {"kind", "other"}};

GrowingSeries named(const std::string& name, std::uint64_t rx, std::uint64_t tx, std::uint64_t connections = 1)
{
    return {{{"process", name}}, rx, tx, connections};
}

} // namespace

TEST_CASE("accumulate: series grow, and one that has moved nothing stays")
{
    auto series = accumulate({}, {named("a", 1, 2), named("b", 10, 20)}, 100, rest);
    CHECK(series == std::vector{named("b", 10, 20), named("a", 1, 2)});
    for (GrowingSeries& one : series) {
        one.connections = 0; // is not kept
    }
    series = accumulate(series, {named("a", 5, 5, 3)}, 100, rest);
    CHECK(series == std::vector{named("b", 10, 20, 0), named("a", 6, 7, 3)});
}

TEST_CASE("accumulate: newcomers fill the free places by size, and the others are summed up")
{
    auto series = accumulate({}, {named("a", 1, 0), named("b", 2, 0), named("c", 3, 0)}, 2, rest);
    CHECK(series == std::vector{named("c", 3, 0), named("b", 2, 0), GrowingSeries{rest, 1, 0, 1}});
    series = accumulate(series, {named("a", 1000, 0), named("c", 1, 0)}, 2, rest);
    CHECK(series == std::vector{named("c", 4, 0, 2), named("b", 2, 0), GrowingSeries{rest, 1001, 0, 2}});
    SUBCASE("more places")
    {
        series = accumulate(series, {named("a", 7, 0)}, 3, rest);
        CHECK(series[2] == named("a", 7, 0));
        CHECK(series[3].rx_bytes == 1001);
    }
    SUBCASE("fewer places: none goes")
    {
        series = accumulate(series, {named("b", 1, 0), named("d", 9, 0)}, 1, rest);
        CHECK(series.size() == 3);
        CHECK(series[1].rx_bytes == 3);
        CHECK(series[2].rx_bytes == 1010);
    }
}

TEST_CASE("accumulate: what a series lacks is told of this run only")
{
    GrowingSeries lacking = named("a", 1, 0);
    lacking.unknown_connections = 2;
    auto series = accumulate({named("a", 1, 0)}, {lacking}, 100, rest);
    CHECK(series.at(0).unknown_connections == 2);
}

TEST_CASE("accumulate: packets of interfaces grow like bytes; what has none has none")
{
    GrowingSeries interface = named("eth0", 1, 2);
    interface.rx_packets = 3;
    interface.tx_packets = 4;
    const auto series = accumulate({interface, named("a", 1, 0)}, {interface, named("a", 1, 0)}, 100, rest);
    CHECK(series.at(0).rx_packets == 6U);
    CHECK(series.at(0).tx_packets == 8U);
    CHECK_FALSE(series.at(1).rx_packets.has_value());
}

TEST_CASE("accumulate: no series begins with nothing") { CHECK(accumulate({}, {named("a", 0, 0)}, 100, rest).empty()); }
