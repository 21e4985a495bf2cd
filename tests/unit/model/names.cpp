// SPDX-License-Identifier: MIT
// The words that enums are printed with, and the suggestion for a mistyped word.
#include "model/flow.hpp"
#include "table/row.hpp"
#include "util/text.hpp"

#include <doctest/doctest.h>

#include <array>
#include <set>
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

TEST_CASE("each grouping key has its own name and plural")
{
    CHECK(to_string(GroupBy::process) == "process");
    CHECK(plural(GroupBy::process) == "processes");
    CHECK(to_string(GroupBy::connection) == "connection");
    CHECK(plural(GroupBy::connection) == "connections");
    CHECK(plural(GroupBy::name) == "names");
    CHECK(plural(GroupBy::user) == "users");
    CHECK(plural(GroupBy::remote) == "remotes");
    CHECK(plural(GroupBy::port) == "ports");
    CHECK(to_string(GroupBy::protocol) == "protocol");
    CHECK(plural(GroupBy::protocol) == "protocols");
    CHECK(to_string(GroupBy::container) == "container");
    CHECK(plural(GroupBy::netns) == "netns");
    CHECK(to_string(GroupBy::interface) == "interface");
    CHECK(plural(GroupBy::interface) == "interfaces");
    std::set<std::string_view> names;
    for (const GroupBy by : group_keys())
        names.insert(to_string(by));
    CHECK(names.size() == 13);
    CHECK(group_keys().size() == 13);
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
    CHECK(suggest("pidxx", valid) == "valid ones are pid, process, rx_bytes, tx_bytes");
    CHECK(suggest("px", valid) == "valid ones are pid, process, rx_bytes, tx_bytes");
    CHECK(suggest("", valid) == "valid ones are pid, process, rx_bytes, tx_bytes");
    CHECK(suggest(std::string(10000, 'x'), valid) == "valid ones are pid, process, rx_bytes, tx_bytes");
}
