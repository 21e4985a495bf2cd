// SPDX-License-Identifier: MIT
#include "table/columns.hpp"
#include "table/merge.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();

Row rated(std::optional<std::uint64_t> rx, std::optional<std::uint64_t> tx, std::chrono::nanoseconds window,
          const Totals& whole)
{
    std::vector<Row> rows{row(1, "a", rx, tx)};
    add_rates(rows, window, whole);
    return rows.front();
}

std::string share(std::optional<std::uint64_t> rx, std::optional<std::uint64_t> tx, const Totals& whole)
{
    const Row result = rated(rx, tx, std::chrono::seconds(1), whole);
    return result.share ? to_string(*result.share) : "null";
}

} // namespace

TEST_CASE("a rate is by the measured window, to the nearest whole byte")
{
    const Row odd = rated(1'000'000, 3, std::chrono::nanoseconds(1'000'123'456), {1'000'000, 3});
    CHECK(odd.rx_bytes_per_sec == 999'877);
    CHECK(odd.tx_bytes_per_sec == 3);
    CHECK(rated(1, 2, std::chrono::seconds(3), {1, 2}).rx_bytes_per_sec == 0);
    CHECK(rated(1, 2, std::chrono::seconds(3), {1, 2}).tx_bytes_per_sec == 1);
    CHECK(rated(7, 0, std::chrono::milliseconds(1), {7, 0}).rx_bytes_per_sec == 7000);
    CHECK(rated(top, 0, std::chrono::seconds(1), {top, 0}).rx_bytes_per_sec == top);
    CHECK(rated(top, 0, std::chrono::milliseconds(1), {top, 0}).rx_bytes_per_sec == top); // instead of wrapping round
    CHECK(rated(top, 0, std::chrono::hours(8784), {top, 0}).rx_bytes_per_sec == 583'344'214'029);
}

TEST_CASE("both directions together")
{
    const Row both = rated(1, 2, std::chrono::seconds(2), {1, 2});
    CHECK(both.bytes_per_sec == 2); // 1.5
    CHECK(both.bits_per_sec == 12);
    CHECK(find_column("bytes")->value(both) == Cell(std::uint64_t{3}));
    CHECK(rated(std::nullopt, 5, std::chrono::seconds(1), {0, 5}).bits_per_sec == 40);
    CHECK(rated(top, 1, std::chrono::seconds(1), {top, 1}).bits_per_sec == top);
    const Row unknown = rated(std::nullopt, std::nullopt, std::chrono::seconds(1), {});
    CHECK_FALSE(unknown.bytes_per_sec);
    CHECK(find_column("bytes")->value(unknown) == Cell());
    CHECK_FALSE(rated(1, 2, std::chrono::seconds(0), {1, 2}).bits_per_sec);
    std::vector<Row> rows{row(1, "a", 1, 2), row(2, "b", 10, 20)};
    keep_top(rows, 0);
    CHECK(find_column("bytes")->value(rows.at(0)) == Cell(std::uint64_t{33}));
}

TEST_CASE("a row of other windows than the report is measured by them")
{
    Row own = row(1, "a", 100, 0);
    own.window = std::chrono::seconds(10);
    Row unmeasured = row(2, "b", 100, 0);
    unmeasured.window = std::chrono::seconds(0);
    std::vector<Row> rows{own, unmeasured, row(3, "c", 100, 0)};
    add_rates(rows, std::chrono::seconds(2), {});
    CHECK(rows[0].rx_bytes_per_sec == 10U);
    CHECK_FALSE(rows[1].rx_bytes_per_sec);
    CHECK(rows[2].rx_bytes_per_sec == 50U);
}

TEST_CASE("what is unknown has no rate, and no window no rates")
{
    const Row half = rated(std::nullopt, 5, std::chrono::seconds(1), {0, 5});
    CHECK_FALSE(half.rx_bytes_per_sec);
    CHECK(half.tx_bytes_per_sec == 5);
    const Row totals = rated(1, 5, std::chrono::nanoseconds(0), {1, 5});
    CHECK_FALSE(totals.rx_bytes_per_sec);
    CHECK_FALSE(totals.tx_bytes_per_sec);
    CHECK(totals.share == Decimal{10'000});
}

TEST_CASE("a share is of all bytes that are known, in percent with two digits")
{
    CHECK(share(1, 0, {2, 1}) == "33.33");
    CHECK(share(1, 1, {2, 1}) == "66.67");
    CHECK(share(0, 0, {2, 1}) == "0.00");
    CHECK(share(1, std::nullopt, {100'000, 0}) == "0.00");
    CHECK(share(5, std::nullopt, {100, std::nullopt}) == "5.00");
    CHECK(share(2, 1, {2, 1}) == "100.00");
    CHECK(share(top, 0, {top, 0}) == "100.00");
    CHECK(share(std::nullopt, std::nullopt, {2, 1}) == "null");
    CHECK(share(0, 0, {0, 0}) == "null");
    CHECK(share(std::nullopt, std::nullopt, {std::nullopt, std::nullopt}) == "null");
}
