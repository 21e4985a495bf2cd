// SPDX-License-Identifier: MIT
#include "table/merge.hpp"
#include "table/columns.hpp"
#include "table/grouping.hpp"
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

namespace {

constexpr auto established = ConnectionState::established;
constexpr auto closed = ConnectionState::closed;

/// A row of a TCP socket, or of a socket without facts.
Row socket_row(const std::optional<SocketFacts>& facts)
{
    Row result = row(7, "a", 1, 1);
    result.facts = facts ? std::make_shared<const SocketFacts>(*facts) : nullptr;
    return result;
}

std::optional<SocketFacts> tcp(ConnectionState state, std::optional<std::uint64_t> rtt_us,
                               std::optional<std::uint64_t> retransmitted)
{
    SocketFacts facts;
    facts.state = state;
    facts.rtt_us = rtt_us;
    facts.retransmitted_bytes = retransmitted;
    return facts;
}

} // namespace

TEST_CASE("what TCP tells is merged: retransmitted bytes add up, the largest rtt stays, and a state that all have")
{
    constexpr std::nullopt_t none = std::nullopt;
    struct Case {
        std::string_view what;
        std::vector<std::optional<SocketFacts>> sockets;
        std::optional<SocketFacts> expected;
    };
    const std::vector<Case> cases = {
        {"two of one state", {tcp(established, 100, 5), tcp(established, 300, 7)}, tcp(established, 300, 12)},
        {"one without rtt", {tcp(closed, none, 5), tcp(closed, 200, 0)}, tcp(closed, 200, 5)},
        {"one that does not tell",
         {tcp(closed, 100, 5), tcp(closed, 100, none), tcp(closed, 100, 1)},
         tcp(closed, 100, none)},
        {"none", {none, none}, none},
    };
    for (const Case& each : cases) {
        CAPTURE(each.what);
        Row total = socket_row(each.sockets.front());
        for (std::size_t i = 1; i < each.sockets.size(); ++i) {
            merge(total, socket_row(each.sockets[i]));
        }
        REQUIRE((total.facts != nullptr) == each.expected.has_value());
        if (total.facts != nullptr) {
            CHECK(*total.facts == *each.expected);
        }
    }
    for (const bool is_first : {false, true}) { // a socket that is not TCP's changes the state only
        Row total = socket_row(is_first ? none : tcp(established, 100, 5));
        merge(total, socket_row(is_first ? tcp(established, 100, 5) : none));
        REQUIRE(total.facts != nullptr);
        CHECK(!total.facts->state);
        CHECK(total.facts->rtt_us == 100U);
        CHECK(total.facts->retransmitted_bytes == 5U);
    }
    const Row rest = rest_of(socket_row(tcp(established, 100, 5)));
    CHECK(!rest.facts->state);
    CHECK(rest.facts->retransmitted_bytes == 5U);
}

TEST_CASE("in a list, sockets without a figure are none")
{
    const auto listed = [](std::optional<std::uint64_t> retransmitted) {
        SocketFacts facts = *tcp(established, std::nullopt, retransmitted);
        facts.is_listed = true;
        return socket_row(facts);
    };
    Row total = listed(std::nullopt);
    merge(total, listed(5));
    merge(total, listed(std::nullopt));
    merge(total, listed(6));
    CHECK(total.facts->retransmitted_bytes == 11U);
    CHECK(rest_of(total).facts->retransmitted_bytes == 11U);
    CHECK(!rest_of(listed(std::nullopt)).facts->retransmitted_bytes);
}

TEST_CASE("rows that share facts are merged without a change of the others")
{
    const Row shared = socket_row(tcp(established, 100, 5));
    Row total = shared;
    merge(total, socket_row(tcp(closed, 200, 6)));
    CHECK(shared.facts->state == established);
    CHECK(shared.facts->retransmitted_bytes == 5U);
}

TEST_CASE("by state: sockets that have none are one row, and a socket that only retransmitted is not left out")
{
    const Filter all;
    Grouping grouping(GroupBy("state"), all, false);
    Row silent = socket_row(tcp(established, std::nullopt, 9));
    silent.rx_bytes = 0;
    silent.tx_bytes = 0;
    for (const Row& each :
         {socket_row(tcp(closed, 1, 1)), socket_row(std::nullopt), silent, socket_row(tcp(closed, 1, 1))}) {
        grouping.add(each);
    }
    const std::vector<Row> rows = grouping.take_rows();
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].facts->state == closed);
    CHECK(rows[0].connections == 2U);
    CHECK(rows[1].facts == nullptr);
    CHECK(rows[2].facts->retransmitted_bytes == 9U);
}
