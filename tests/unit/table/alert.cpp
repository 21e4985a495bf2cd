// SPDX-License-Identifier: MIT
#include "table/alert.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <string>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();

bool holds(std::string_view alert, std::optional<std::uint64_t> rx)
{
    return matches(parse_alert(alert), row(1, "a", rx, 0));
}

std::string refusal(std::string_view alert)
{
    try {
        parse_alert(alert);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "accepted";
}

} // namespace

TEST_CASE("each comparison, at the threshold and beside it")
{
    const auto below_at_above = [](std::string_view alert) {
        return std::array{holds(alert, 9), holds(alert, 10), holds(alert, 11)};
    };
    using Answers = std::array<bool, 3>;
    CHECK(below_at_above("rx_bytes>10") == Answers{false, false, true});
    CHECK(below_at_above("rx_bytes>=10") == Answers{false, true, true});
    CHECK(below_at_above("rx_bytes<10") == Answers{true, false, false});
    CHECK(below_at_above("rx_bytes<=10") == Answers{true, true, false});
    CHECK(below_at_above("rx_bytes=10") == Answers{false, true, false});
    CHECK(below_at_above("rx_bytes!=10") == Answers{true, false, true});
    CHECK(below_at_above("  rx_bytes  >=  10 ") == Answers{false, true, true});
}

TEST_CASE("null never matches")
{
    for (const std::string_view alert :
         {"rx_bytes>0", "rx_bytes>=0", "rx_bytes<1", "rx_bytes<=0", "rx_bytes=0", "rx_bytes!=0"})
        CHECK_MESSAGE(!holds(alert, std::nullopt), alert);
}

TEST_CASE("units and digits behind the point are exact")
{
    CHECK(holds("rx_bytes=1K", 1000));
    CHECK(holds("rx_bytes=1Ki", 1024));
    CHECK(holds("rx_bytes=1.5M", 1'500'000));
    CHECK(holds("rx_bytes=2Mi", 2'097'152));
    CHECK(holds("rx_bytes=0.25G", 250'000'000));
    CHECK(holds("rx_bytes=1.5Gi", 1'610'612'736));
    CHECK(holds("rx_bytes=1TB", 1'000'000'000'000));
    CHECK(holds("rx_bytes=1kB", 1000));
    CHECK(holds("rx_bytes = 1 kB", 1000));
    CHECK(holds("bytes=1KiB", 1024));
    CHECK(holds("rx_bytes=18446744073709551615", top));
    CHECK_FALSE(holds("rx_bytes=18446744073709551614", top));
    CHECK_FALSE(holds("rx_bytes>0.5", 0));
    CHECK(holds("rx_bytes>0.5", 1));
}

TEST_CASE("a decimal is compared to its last digit")
{
    Row half = row(1, "a", 1, 1);
    half.share = Decimal{5012};
    CHECK(matches(parse_alert("share>50"), half));
    CHECK(matches(parse_alert("share>50.1"), half));
    CHECK(matches(parse_alert("share=50.12"), half));
    CHECK_FALSE(matches(parse_alert("share>50.12"), half));
    CHECK(matches(parse_alert("share>50%"), half));
    half.bits_per_sec = 8'000'000;
    CHECK(matches(parse_alert("bits_per_sec>=8Mbit/s"), half));
    CHECK_FALSE(matches(parse_alert("bits_per_sec>8Mbit"), half));
    half.share.reset();
    CHECK_FALSE(matches(parse_alert("share<100"), half));
}

TEST_CASE("a bad expression is one line that says what would be good")
{
    CHECK(refusal("tx_byts>1") == "unknown column \"tx_byts\": did you mean \"tx_bytes\"?");
    CHECK(refusal("tx>10MB/s") == "unknown column \"tx\": did you mean \"tx_bytes_per_sec\"?");
    CHECK(refusal("tx>10MB") == "unknown column \"tx\": did you mean \"tx_bytes\"?");
    CHECK(refusal("TX/s>10MB/s") == "unknown column \"TX/s\": did you mean \"tx_bytes_per_sec\"?");
    CHECK(refusal("speed>10MB/s") == "unknown column \"speed\": did you mean \"bytes_per_sec\"?");
    CHECK(refusal("speed>8Mbit/s") == "unknown column \"speed\": did you mean \"bits_per_sec\"?");
    CHECK(refusal("rx_bytes+tx_bytes>1M") == "unknown column \"rx_bytes+tx_bytes\": did you mean \"bytes\"?");
    CHECK(refusal("rx + tx > 1MB/s") == "unknown column \"rx + tx\": did you mean \"bytes_per_sec\"?");
    CHECK(refusal("rx_bytes_per_sec+tx_bytes_per_sec>1").find("\"bytes_per_sec\"?") != std::string::npos);
    CHECK(refusal("tx_bytes>10MB/s") ==
          "bad alert \"tx_bytes>10MB/s\": tx_bytes is not a rate: did you mean \"tx_bytes_per_sec\"?");
    CHECK(refusal("process=1") == "bad alert \"process=1\": process is not a number");
    CHECK(refusal("rx_bytes") == "bad alert \"rx_bytes\": it has no comparison; the shell takes an unquoted > as a "
                                 "redirection, so use quotes: --alert 'rx_bytes>10M'");
    CHECK(refusal("10M") == "bad alert \"10M\": use 'COLUMN>NUMBER', or >=, <, <=, = or != in place of >");
    CHECK(refusal("rx_bytes > 100x") ==
          "bad alert \"rx_bytes > 100x\": use a number after >, such as 500, 1.5M or 64Ki");
    CHECK(refusal("tx_bytes_per_sec>1Mbit/s") ==
          "bad alert \"tx_bytes_per_sec>1Mbit/s\": use a number after >, such as "
          "500, 1.5M or 64Ki; bits_per_sec counts bits");
    CHECK(refusal("connections>1B").starts_with("bad alert"));
    CHECK(refusal(">1") == "empty column name in \">1\"");
    for (const std::string_view number : {"",
                                          " ",
                                          "x",
                                          "-1",
                                          "+1",
                                          "1e3",
                                          "0x10",
                                          "1BB",
                                          "1K/s",
                                          "1.",
                                          "1.234",
                                          "1..2",
                                          "1.-2",
                                          "1 0",
                                          "K",
                                          "==1",
                                          "18446744073709551616",
                                          "18446744073709551615K",
                                          "99999999999999999999999",
                                          "18446744073709551615.01"}) {
        const std::string alert = "rx_bytes>" + std::string(number);
        CHECK_MESSAGE(refusal(alert).starts_with("bad alert"), alert);
    }
    CHECK(refusal("rx_bytes\n>1\x1b").find_first_of("\n\x1b") == std::string::npos);
}

TEST_CASE("an alert on what TCP sent again, with its unit")
{
    Row row = test::row(1, "a", 1, 1);
    CHECK(!matches(parse_alert("retransmitted_bytes>=0"), row));
    SocketFacts facts;
    facts.retransmitted_bytes = 1'000'001;
    facts.rtt_us = 250'000;
    row.facts = std::make_shared<const SocketFacts>(facts);
    CHECK(matches(parse_alert("retransmitted_bytes>1M"), row));
    CHECK(matches(parse_alert("retransmitted_bytes > 1MB"), row));
    CHECK(!matches(parse_alert("retransmitted_bytes>1Mi"), row));
    CHECK(matches(parse_alert("rtt_us>200K"), row));
    CHECK(refusal("state>1") == "bad alert \"state>1\": state is not a number");
}
