// SPDX-License-Identifier: MIT
// The words that enums are printed with, and the suggestion for a mistyped word.
#include "model/flow.hpp"
#include "util/text.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace socktally;

TEST_CASE("the words of the contract")
{
    CHECK(to_string(Protocol::tcp) == "tcp");
    CHECK(to_string(Protocol::udp) == "udp");
    CHECK(parse_protocol("tcp") == Protocol::tcp);
    CHECK(parse_protocol("udp") == Protocol::udp);
    CHECK(!parse_protocol("TCP"));
    CHECK(!parse_protocol(""));

    CHECK(cause_name(Cause::none) == "");
    CHECK(cause_name(Cause::exited) == "[exited]");
    CHECK(cause_name(Cause::kernel) == "[kernel]");
    CHECK(cause_name(Cause::unaccepted) == "[unaccepted]");
    CHECK(cause_name(Cause::time_wait) == "[time-wait]");
    CHECK(cause_name(Cause::other_user) == "[other user]");
    CHECK(cause_name(Cause::other_netns) == "[other netns]");
    CHECK(cause_name(Cause::unknown) == "[unknown]");

    CHECK(to_string(Quality::exact) == "exact");
    CHECK(to_string(Quality::owner) == "owner");
    CHECK(to_string(Quality::shared) == "shared");
    CHECK(to_string(Quality::inherited) == "inherited");
    CHECK(to_string(Quality::socket) == "socket");
    CHECK(to_string(Quality::unknown) == "unknown");
}

TEST_CASE("a mistyped word gets the nearest valid one within a third of its length")
{
    constexpr std::array<std::string_view, 4> valid = {"pid", "process", "rx_bytes", "tx_bytes"};
    CHECK(suggest("rxbytes", valid) == "did you mean \"rx_bytes\"?");
    CHECK(suggest("tx_byte", valid) == "did you mean \"tx_bytes\"?");
    CHECK(suggest("pdi", valid) == "did you mean \"pid\"?");
    CHECK(suggest("PROCESS", valid) == "did you mean \"process\"?");
    CHECK(suggest("porcess", valid) == "did you mean \"process\"?");
    CHECK(suggest("prox", valid) == "valid ones are pid, process, rx_bytes, tx_bytes"); // 4 edits, a third of 4 is 1
    CHECK(suggest("process_name", valid) == "did you mean \"process\"?");
    CHECK(suggest("pidxx", valid) == "valid ones are pid, process, rx_bytes, tx_bytes");
    CHECK(suggest("px", valid) == "valid ones are pid, process, rx_bytes, tx_bytes");
    CHECK(suggest("", valid) == "valid ones are pid, process, rx_bytes, tx_bytes");
    CHECK(suggest(std::string(10000, 'x'), valid) == "valid ones are pid, process, rx_bytes, tx_bytes");
}
