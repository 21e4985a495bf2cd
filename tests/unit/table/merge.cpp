// SPDX-License-Identifier: MIT
#include "table/merge.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace socktally::test;

TEST_CASE("the rows past the first N become one that holds only sums")
{
    auto make_rows = [] {
        return std::vector<Row>{row(1, "a", 100, 0), row(2, "b", 30, std::nullopt), row(3, "c", 7, std::nullopt)};
    };
    auto rows = make_rows();
    rows[2].attribution = Quality::shared;
    keep_top(rows, 1);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].process == "a");
    CHECK_FALSE(rows[0].is_other());
    CHECK(rows[1].is_other());
    CHECK(rows[1].process == "other");
    CHECK(!rows[1].pid);
    CHECK(!rows[1].protocol);
    CHECK(rows[1].rx_bytes == 37U);
    CHECK(!rows[1].tx_bytes);
    CHECK(rows[1].connections == 2);
    CHECK(!rows[1].attribution); // nobody in particular

    rows = make_rows();
    keep_top(rows, 3);
    CHECK(rows.size() == 3);
    keep_top(rows, 100);
    CHECK(rows.size() == 3);
    keep_top(rows, 0);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].rx_bytes == 137U);
    CHECK(rows[0].tx_bytes == 0U);

    std::vector<Row> none;
    keep_top(none, 0);
    CHECK(none.empty());
}
