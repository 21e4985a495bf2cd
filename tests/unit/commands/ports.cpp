// SPDX-License-Identifier: MIT
// What `ports` takes, which sockets it lists by default, and how filters judge a listed socket.
#include "cli/options.hpp"
#include "commands/output_plan.hpp"
#include "table/columns.hpp"
#include "table/grouping.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

using namespace socktally;
using namespace socktally::test;

namespace {

Options ports(std::vector<const char*> arguments)
{
    arguments.insert(arguments.begin(), {"socktally", "ports"});
    return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

SocketFacts facts_of(ConnectionState state)
{
    SocketFacts facts;
    facts.is_listed = true;
    facts.state = state;
    return facts;
}

Row listed(ConnectionState state, std::uint16_t port, std::optional<std::string> published = std::nullopt)
{
    Row row = test::row(7, "server", 0, 0);
    row.rx_bytes.reset();
    row.tx_bytes.reset();
    row.protocol = Protocol::tcp;
    row.local_address = address("0.0.0.0");
    row.local_port = port;
    row.published = std::move(published);
    row.facts = std::make_shared<const SocketFacts>(facts_of(state));
    return row;
}

bool lists(const Options& options, const Row& row) { return options.filter.judge(row).judgement == Judgement::in; }

} // namespace

TEST_CASE("states have the names of ss, long and short")
{
    for (const std::string_view name : connection_state_names()) {
        const auto state = parse_connection_state(name);
        REQUIRE(state);
        CHECK(to_string(*state) == name);
    }
    CHECK(parse_connection_state("listen") == ConnectionState::listening);
    CHECK(parse_connection_state("estab") == ConnectionState::established);
    CHECK(parse_connection_state("fin-wait2") == ConnectionState::fin_wait_2);
    CHECK(!parse_connection_state("LISTEN"));
    CHECK(!parse_connection_state(""));
}

TEST_CASE("ports lists what listens or is unconnected, unless a state is asked for")
{
    using enum ConnectionState;
    struct Case {
        std::vector<const char*> arguments;
        std::vector<ConnectionState> listed;
    };
    const std::vector<Case> cases{
        {{}, {listening, unconnected}},
        {{"--all"}, {listening, unconnected, established, time_wait}},
        {{"--state", "all"}, {listening, unconnected, established, time_wait}},
        {{"--state", "estab,time-wait"}, {established, time_wait}},
        {{"--exclude", "state=time-wait", "--state", "all"}, {listening, unconnected, established}},
    };
    for (const Case& each : cases) {
        const Options options = ports(each.arguments);
        CHECK(options.command == Command::ports);
        CHECK(options.by.is_by_socket());
        CAPTURE(each.arguments.empty() ? "" : each.arguments.back());
        for (const ConnectionState state : {listening, unconnected, established, time_wait}) {
            CAPTURE(to_string(state));
            const bool expected = std::find(each.listed.begin(), each.listed.end(), state) != each.listed.end();
            CHECK(lists(options, listed(state, 80)) == expected);
        }
    }
}

TEST_CASE("a source lists no more states than the filter takes")
{
    using enum ConnectionState;
    const auto states_of = [](const std::vector<const char*>& arguments) {
        const Options options = ports(arguments);
        return needs_of(options, make_output_plan(options, false, 80)).states;
    };
    const auto bit = [](ConnectionState state) { return 1U << static_cast<unsigned>(state); };
    CHECK(states_of({}) == (bit(listening) | bit(unconnected)));
    CHECK(states_of({"--state", "estab,time-wait"}) == (bit(established) | bit(time_wait)));
    CHECK(states_of({"--all"}) == ~0U);
    CHECK(states_of({"--all", "--exclude", "state=estab"}) == ~0U);
}

TEST_CASE("what a filter cannot judge in a list is told without bytes, whatever the protocol")
{
    const Options options = ports({"--name", "server"});
    Grouping grouping(options.by, options.filter, false);
    for (const Protocol protocol : {Protocol::tcp, Protocol::raw}) {
        Row row = listed(ConnectionState::listening, 80);
        row.protocol = protocol;
        row.kind = RowKind::cause;
        row.pid.reset();
        row.process = cause_name(Cause::other_user);
        grouping.add(row);
    }
    CHECK(grouping.unjudged().note("socket", options.filter).message ==
          "2 sockets were left out because it is not known whether they match --name");
}

TEST_CASE("a port is that of the socket, or the one by which it is published")
{
    const Options options = ports({"--port", "8080"});
    CHECK(lists(options, listed(ConnectionState::listening, 8080)));
    CHECK(!lists(options, listed(ConnectionState::listening, 80)));
    CHECK(lists(options, listed(ConnectionState::listening, 80, "0.0.0.0:8080->80/tcp")));
    CHECK(lists(options, listed(ConnectionState::listening, 80, "0.0.0.0:9000->80/tcp,[::]:8080->80/tcp")));
    CHECK(!lists(options, listed(ConnectionState::listening, 8443, "0.0.0.0:80->8080/tcp")));
    CHECK(!lists(options, listed(ConnectionState::listening, 80, "8080")));
}

TEST_CASE("lists by a key count sockets, most first, and have no columns of bytes")
{
    const auto names = [](const ColumnList& list) {
        std::vector<std::string_view> all;
        for (const Column* column : list) {
            all.push_back(column->name);
        }
        return fmt::format("{}", fmt::join(all, ","));
    };
    const Options options = ports({"--by", "process"});
    CHECK(options.sort == "connections");
    CHECK(ports({"--by", "process", "--sort", "user"}).sort == "user");
    CHECK(ports({}).sort.empty());
    CHECK(names(default_columns(options.by)) == "pid,process,connections,user");
    CHECK(names(default_columns(ports({"--by", "user,port"}).by)) == "user,port,connections");
    CHECK(names(series_columns(ports({"--by", "user"}).by)) == "user,connections");
    for (const auto& by : {options.by, ports({}).by}) {
        CHECK_FALSE(has_column(all_columns(by), "rx_bytes"));
        CHECK_FALSE(has_column(all_columns(by), "unknown_connections"));
    }
    CHECK(has_column(all_columns(options.by), "connections"));
    CHECK(has_column(default_columns(GroupBy("process")), "rx_bytes"));
}

TEST_CASE("ports takes no window, and no interface has sockets")
{
    for (const auto& arguments : std::vector<std::vector<const char*>>{{"-d", "1s"},
                                                                       {"--interval", "1s"},
                                                                       {"--since", "file"},
                                                                       {"--per", "day"},
                                                                       {"--by", "interface"},
                                                                       {"--by", "socket"},
                                                                       {"--state", "LISTENNING"},
                                                                       {"file"}}) {
        CAPTURE(arguments.front());
        CHECK_THROWS_AS(ports(arguments), UsageError);
    }
    CHECK_THROWS_WITH_AS(ports({"--wait-for", "0"}), doctest::Contains("must be greater than 0"), UsageError);
    for (const std::string_view option : {"--alert=rx_bytes_per_sec>1", "--alert=bytes>1", "--sort=tx_bytes"}) {
        CAPTURE(option);
        CHECK_THROWS_WITH_AS(make_output_plan(ports({option.data()}), false, 80),
                             doctest::Contains("ports has no window, so it does not know "), UsageError);
    }
    for (const std::string_view option : {"--alert=rtt_us>1", "--alert=rx_queue>1", "--sort=connections"}) {
        CHECK_NOTHROW(make_output_plan(ports({option.data()}), false, 80));
    }
    CHECK(make_output_plan(ports({}), true, 80, 24).style.height == 24);
    CHECK(make_output_plan(ports({"--all-rows"}), true, 80, 24).style.height == 0);
    CHECK(ports({"--by", "process"}).by.name() == "process");
    CHECK(ports({"--wait-for", "2s"}).wait_for == std::chrono::seconds(2));
}

TEST_CASE("sockets of one tuple are rows of their own, in the order of their ports")
{
    const Filter filter;
    Grouping grouping(GroupBy::sockets(), filter, false);
    for (const std::uint16_t port : std::vector<std::uint16_t>{443, 80, 80}) {
        grouping.add(listed(ConnectionState::listening, port));
    }
    std::vector<Row> rows = grouping.take_rows();
    sort_rows(rows, "");
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].local_port == 80);
    CHECK(rows[1].local_port == 80);
    CHECK(rows[2].local_port == 443);
    CHECK(find_column("state")->value(rows[0]) == Cell(std::string("listening")));
}

TEST_CASE("sockets are sorted as their rows are")
{
    std::minstd_rand random(15);
    const auto pick = [&](const auto& values) -> const auto& { return values[random() % values.size()]; };
    const std::vector<std::vector<std::string>> families{{"0.0.0.0", "10.0.0.1", "10.0.0.2"},
                                                         {"::", "fe80::1:1", "fe80::1:2"}};
    const std::vector<int> ports{22, 80, 443};
    const std::vector<Protocol> protocols{Protocol::tcp, Protocol::udp};
    Sample sample;
    for (int pid = 0; pid < 4; ++pid) {
        sample.processes.push_back(process(100 - pid, 7, "server"));
    }
    for (std::uint32_t i = 0; i < 400; ++i) {
        Flow socket = owned_flow(static_cast<std::uint32_t>(random() % 4), std::nullopt, std::nullopt);
        const auto& hosts = pick(families);
        socket.tuple = {pick(protocols), endpoint(pick(hosts), pick(ports)), endpoint(pick(hosts), pick(ports))};
        if (random() % 3 == 0) {
            socket.tuple.remote = {};
        }
        if (random() % 4 == 0) {
            socket.attribution = {std::nullopt, random() % 2 == 0 ? Cause::time_wait : Cause::unknown};
        }
        SocketFacts facts = facts_of(ConnectionState::established);
        facts.rx_queue = i; // no two rows are equal
        socket.facts = std::make_shared<const SocketFacts>(facts);
        sample.flows.push_back(socket);
    }
    std::vector<std::uint32_t> order(sample.flows.size());
    std::iota(order.begin(), order.end(), 0U);
    sort_flows(order, sample);
    const Filter filter;
    std::vector<Row> rows = group(sample, filter, GroupBy::sockets(), false);
    sort_rows(rows, "");
    REQUIRE(rows.size() == order.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CAPTURE(i);
        CHECK(rows[i].facts == sample.flows[order[i]].facts);
    }
}
