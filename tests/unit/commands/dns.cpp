// SPDX-License-Identifier: MIT
// What `dns` takes, and how look-ups become rows.
#include "cli/options.hpp"
#include "commands/output_plan.hpp"
#include "table/columns.hpp"
#include "table/flow_rows.hpp"
#include "table/merge.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace socktally;
using namespace socktally::test;
using namespace std::chrono_literals;

namespace {

constexpr RecordType type_a{1};

Options dns(std::vector<const char*> arguments)
{
    arguments.insert(arguments.begin(), {"socktally", "dns"});
    return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

std::string refusal(const std::vector<const char*>& arguments)
{
    try {
        dns(arguments);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no error";
}

/// Two processes, each with a socket, which ask.
struct Askers {
    Sample sample;

    Askers()
    {
        for (const int pid : {7, 8}) {
            Process& process = sample.processes.emplace_back();
            process.pid = Pid{pid};
            process.name = "asker";
            for (const Protocol protocol : {Protocol::udp, Protocol::tcp}) {
                Flow& flow = sample.flows.emplace_back();
                flow.tuple = {protocol, endpoint("10.0.0.1", pid), endpoint("10.0.0.53", 53)};
                flow.attribution = {static_cast<std::uint32_t>(sample.processes.size() - 1), Cause::none,
                                    Quality::owner};
            }
        }
    }

    NameLookups& ask(std::size_t flow, std::string name, std::uint32_t time_us, std::chrono::nanoseconds asked = 1s)
    {
        auto what = std::make_shared<NameLookups>();
        what->query = std::move(name);
        what->query_type = type_a;
        what->resolver = address("10.0.0.53");
        what->lookups = what->answered = 1;
        what->outcome = LookupOutcome{};
        what->times_us = {time_us};
        sample.lookups.push_back({flow, asked, 0s, {}, what});
        return *what;
    }

    std::vector<Row> rows(const Options& options)
    {
        join_truncated(sample);
        Grouping grouping(options.by, options.filter, options.all);
        add_lookups(grouping, sample);
        std::vector<Row> rows = grouping.take_rows();
        sort_rows(rows, options.sort);
        return rows;
    }
};

std::string text_of(const Row& row, std::string_view column)
{
    const Cell cell = find_column(column)->value(row);
    const auto* number = std::get_if<std::uint64_t>(&cell);
    const auto* text = std::get_if<std::string>(&cell);
    return number != nullptr ? std::to_string(*number) : text != nullptr ? *text : "null";
}

} // namespace

TEST_CASE("dns: what it takes, and its defaults")
{
    const Options usual = dns({});
    CHECK(usual.by.name() == "process,query,query_type,resolver");
    CHECK(usual.by.array() == "lookups");
    CHECK(usual.sort == "lookups");
    CHECK(usual.duration == 1s);
    CHECK(needs_of(usual, make_output_plan(usual, false, 80)).lookups);
    CHECK(dns({"--interval", "2s"}).count == 0U);
    CHECK(dns({"--by", "user,outcome", "--sort", "time_us"}).by == GroupBy("user,outcome").of_lookups());
    CHECK(refusal({"-d", "0"}) == "dns needs a window: use --duration 1s, or another time greater than 0");
    CHECK(refusal({"--by", "interface"}) == "dns counts look-ups of processes, so it does not take --by interface");
    CHECK(refusal({"--since", "x"}) == "dns does not take --since: it counts the look-ups of a window");
    const char* by_query[]{"socktally", "--by", "process,query"};
    CHECK_THROWS_WITH_AS(parse_options(3, by_query), "--by process,query is only for look-ups: use socktally dns",
                         UsageError);
    const char* query[]{"socktally", "--query", "x"};
    CHECK_THROWS_WITH_AS(parse_options(3, query), "--query is only for dns", UsageError);
}

TEST_CASE("dns: columns without bytes")
{
    const GroupBy by = dns({}).by;
    const std::string usual = names_of([&] {
        ColumnSet set;
        for (const Column* column : default_columns(by)) {
            set.set(index_of(*column));
        }
        return set;
    }());
    CHECK(usual == "pid,process,query,query_type,resolver,lookups,failed,outcome,answer,time_us");
    for (const ColumnList& list : {all_columns(by), series_columns(by)}) {
        CHECK(has_column(list, "failed"));
        CHECK(!has_column(list, "rx_bytes"));
        CHECK(!has_column(list, "connections"));
    }
    CHECK(has_column(default_columns(dns({"--by", "user"}).by), "user"));
    CHECK(!has_column(all_columns(GroupBy()), "query")); // samples are as they were
}

TEST_CASE("dns: a row is of a process and a name, in upper and lower case")
{
    Askers askers;
    askers.ask(0, "Www.example", 10).answers = {"192.0.2.1"};
    NameLookups& failed = askers.ask(0, "www.EXAMPLE", 30);
    failed.outcome = LookupOutcome{LookupOutcome::Kind::error, 2};
    failed.failed = 1;
    askers.ask(0, "www.example", 20).answers = {"192.0.2.2", "192.0.2.1"};
    askers.ask(2, "www.example", 40);
    const std::vector<Row> rows = askers.rows(dns({}));
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].pid == Pid{7});
    CHECK(text_of(rows[0], "query") == "Www.example"); // as it was asked first
    CHECK(text_of(rows[0], "lookups") == "3");
    CHECK(text_of(rows[0], "failed") == "1");
    CHECK(text_of(rows[0], "outcome") == "SERVFAIL");
    CHECK(text_of(rows[0], "answer") == "192.0.2.1,192.0.2.2");
    CHECK(text_of(rows[0], "time_us") == "20");
    CHECK(text_of(rows[0], "time_max_us") == "30");
    CHECK(text_of(rows[1], "lookups") == "1");
    CHECK(askers.sample.lookups[0].what->lookups == 1); // a row changes only a copy
}

TEST_CASE("dns: the rest past --top has only sums")
{
    Askers askers;
    for (const char* name : {"a", "b", "b", "c"}) {
        askers.ask(0, name, 10).answers = {"192.0.2.1"};
    }
    std::vector<Row> rows = askers.rows(dns({}));
    keep_top(rows, 1);
    REQUIRE(rows.size() == 2);
    CHECK(text_of(rows[0], "query") == "b");
    CHECK(text_of(rows[1], "lookups") == "2");
    CHECK(text_of(rows[1], "query") == "null");
    CHECK(text_of(rows[1], "outcome") == "null");
    CHECK(text_of(rows[1], "answer") == "null");
}

TEST_CASE("dns: --query takes a part of a name, or all below one")
{
    Askers askers;
    for (const char* name :
         {"example.org", "www.Example.org", "notexample.org", "example.net", "x\\.example.org", "y\\\\.example.org"}) {
        askers.ask(0, name, 10);
    }
    const auto matching = [&](const char* query) {
        std::string names;
        for (const Row& row : askers.rows(dns({"--query", query, "--sort", "query"}))) {
            names += text_of(row, "query") + ' ';
        }
        return names;
    };
    CHECK(matching("*.EXAMPLE.org") == "www.Example.org y\\\\.example.org "); // x\.example is one label
    CHECK(matching("texample.org") == "notexample.org ");
    CHECK(matching(".net") == "example.net ");
}

TEST_CASE("dns: a truncated answer and the same question over TCP are one look-up of their process")
{
    Askers askers;
    constexpr std::size_t udp_of_7 = 0;
    constexpr std::size_t tcp_of_7 = 1;
    constexpr std::size_t tcp_of_8 = 3;
    askers.ask(udp_of_7, "Big.example", 10, 1s).retries = 1;
    askers.sample.lookups.back().truncated = 1s + 1ms;
    askers.ask(tcp_of_8, "big.example", 500, 1s + 1500us); // another process
    askers.ask(tcp_of_7, "big.example", 1000, 4s);         // too late to go on with it
    askers.ask(tcp_of_7, "big.example", 1000, 1s + 2ms);
    const std::vector<Row> rows = askers.rows(dns({}));
    REQUIRE(rows.size() == 2);
    for (const Row& row : rows) {
        CHECK(text_of(row, "lookups") == (row.pid == Pid{7} ? "2" : "1"));
        CHECK(text_of(row, "protocol") == "tcp");
        CHECK(text_of(row, "time_max_us") == (row.pid == Pid{7} ? "3000" : "500")); // from the first query on
        CHECK(text_of(row, "retries") == (row.pid == Pid{7} ? "1" : "0"));
    }
}
