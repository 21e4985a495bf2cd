// SPDX-License-Identifier: MIT
#include "table/columns.hpp"
#include "table/merge.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <stdexcept>

using namespace socktally;
using namespace socktally::test;

namespace {

std::string names(const std::vector<const Column*>& list)
{
    std::string result;
    for (const Column* column : list)
        result.append(result.empty() ? "" : ",").append(column->name);
    return result;
}

std::string selected(std::string_view spec) { return names(select_columns(spec, default_columns(GroupBy("name")))); }

template <typename Function>
std::string refusal(Function function)
{
    try {
        function();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "accepted";
}

std::string refused_columns(std::string_view spec)
{
    return refusal([spec] { select_columns(spec, {}); });
}

std::string refused_sort(std::string_view spec)
{
    return refusal([spec] {
        std::vector<Row> rows;
        sort_rows(rows, spec);
    });
}

std::string order_of(std::vector<Row> rows, std::string_view spec)
{
    sort_rows(rows, spec);
    std::string result;
    for (const Row& row : rows)
        result += row.process.value_or("-");
    return result;
}

} // namespace

TEST_CASE("every column has a name of its own and says what it is")
{
    std::set<std::string_view> seen;
    for (const Column& column : columns()) {
        CHECK_MESSAGE(seen.insert(column.name).second, column.name);
        CHECK(find_column(column.name) == &column);
        CHECK(!column.description.empty());
        CHECK(!column.header.empty());
    }
    CHECK(names(all_columns(GroupBy("connection"))) ==
          "pid,process,kind,start_time,user,uid,protocol,local_address,"
          "local_port,remote_address,remote_port,port,rx_bytes,"
          "tx_bytes,rx_bytes_per_sec,tx_bytes_per_sec,share,connections,unknown_connections,attribution");
    CHECK(find_column("rx") == nullptr);
    CHECK(find_column("") == nullptr);
}

TEST_CASE("a cell has its column's type or is null")
{
    Row full = row(7, "curl", 1, 2);
    full.start_time = StartTime{3};
    full.uid = Uid{4};
    full.user = std::string("al");
    full.protocol = Protocol::udp;
    Identity identity;
    identity.command = "curl -s x";
    identity.exe = "/bin/curl";
    identity.parent = Pid{1};
    identity.cgroup = "/a.service";
    identity.unit = "a.service";
    identity.container = "web";
    identity.container_id = std::string(64, 'a');
    identity.image = "nginx";
    identity.pod = "front";
    identity.pod_namespace = "default";
    full.identity = std::make_shared<const Identity>(identity);
    full.published = "0.0.0.0:80->8080/tcp";
    full.shared_with = {{Pid{8}, "wget"}, {Pid{9}, "wget"}};
    full.netns_name = "blue";
    full.local_address = address("10.0.0.1");
    full.local_port = 5;
    full.remote_address = address("::1");
    full.remote_port = 65535;
    full.port = 6;
    full.packets = {8, 9, 10, 11};
    full.rx_bytes_per_sec = 12;
    full.tx_bytes_per_sec = 13;
    full.bytes_per_sec = 25;
    full.bits_per_sec = 200;
    full.share = Decimal{1234};
    full.facts = std::make_shared<const SocketFacts>(
        SocketFacts{true, ConnectionState::listening, 18, 17, 14, 15, 16, "eth0", true});
    full.lookups = std::make_shared<NameLookups>(NameLookups{.query = "a.example",
                                                             .query_type = RecordType{28},
                                                             .resolver = address("10.0.0.53"),
                                                             .resolver_port = 53,
                                                             .service = NameService::mdns,
                                                             .lookups = 7,
                                                             .answered = 5,
                                                             .failed = 2,
                                                             .retries = 1,
                                                             .outcome = LookupOutcome{LookupOutcome::Kind::error, 2},
                                                             .answers = {"::1", "b.example"},
                                                             .ttl_s = 60,
                                                             .times_us = {30, 10, 20, 50, 40}});
    const auto text = [&full](std::string_view name) { return std::get<std::string>(find_column(name)->value(full)); };
    const auto number = [&full](std::string_view name) {
        return std::get<std::uint64_t>(find_column(name)->value(full));
    };
    CHECK(number("pid") == 7);
    CHECK(std::get<Decimal>(find_column("share")->value(full)) == Decimal{1234});
    CHECK(number("rx_bytes_per_sec") == 12);
    CHECK(number("tx_bytes_per_sec") == 13);
    CHECK(number("bytes") == 3);
    CHECK(number("bytes_per_sec") == 25);
    CHECK(number("bits_per_sec") == 200);
    CHECK(text("process") == "curl");
    CHECK(number("start_time") == 3);
    CHECK(text("user") == "al");
    CHECK(number("uid") == 4);
    CHECK(number("ppid") == 1);
    CHECK(text("command") == "curl -s x");
    CHECK(text("exe") == "/bin/curl");
    CHECK(text("cgroup") == "/a.service");
    CHECK(text("unit") == "a.service");
    CHECK(text("container") == "web");
    CHECK(text("container_id") == std::string(64, 'a'));
    CHECK(text("image") == "nginx");
    CHECK(text("pod") == "front");
    CHECK(text("namespace") == "default");
    CHECK(text("netns") == "blue");
    CHECK(text("protocol") == "udp");
    CHECK(text("local_address") == "10.0.0.1");
    CHECK(number("local_port") == 5);
    CHECK(text("remote_address") == "::1");
    CHECK(number("remote_port") == 65535);
    CHECK(number("port") == 6);
    CHECK(text("state") == "listening");
    CHECK(number("rtt_us") == 18);
    CHECK(number("retransmitted_bytes") == 17);
    CHECK(number("rx_queue") == 14);
    CHECK(number("tx_queue") == 15);
    CHECK(number("backlog") == 16);
    CHECK(text("device") == "eth0");
    CHECK(text("v6only") == "yes");
    CHECK(text("published") == "0.0.0.0:80->8080/tcp");
    CHECK(text("shared_with") == "8 wget,9 wget");
    CHECK(number("rx_bytes") == 1);
    CHECK(number("tx_bytes") == 2);
    CHECK(number("rx_packets") == 8);
    CHECK(number("tx_packets") == 9);
    CHECK(number("rx_ip_bytes") == 10);
    CHECK(number("tx_ip_bytes") == 11);
    CHECK(number("connections") == 1);
    CHECK(text("attribution") == "owner");
    CHECK(text("kind") == "process");
    CHECK(number("unknown_connections") == 0);
    CHECK(text("query") == "a.example");
    CHECK(text("query_type") == "AAAA");
    CHECK(text("resolver") == "10.0.0.53");
    CHECK(number("resolver_port") == 53);
    CHECK(text("service") == "mdns");
    CHECK(number("lookups") == 7);
    CHECK(number("answered") == 5);
    CHECK(number("failed") == 2);
    CHECK(number("retries") == 1);
    CHECK(text("outcome") == "SERVFAIL");
    CHECK(text("answer") == "::1,b.example");
    CHECK(number("ttl_s") == 60);
    CHECK(number("time_us") == 30);
    CHECK(number("time_max_us") == 50);
    for (const Column& column : columns()) {
        const bool is_number = std::holds_alternative<std::uint64_t>(column.value(full));
        CHECK_MESSAGE(is_number == (column.type == CellType::integer), column.name);
        const bool is_null = std::holds_alternative<std::monostate>(column.value(Row{}));
        const bool is_always_set = column.name == "connections" || column.name == "unknown_connections";
        CHECK_MESSAGE(is_null != is_always_set, column.name);
    }
}

TEST_CASE("default columns of each grouping")
{
    CHECK(names(default_columns(GroupBy("process"))) == "pid,process,rx_bytes,tx_bytes,connections,user");
    CHECK(names(default_columns(GroupBy("connection"))) ==
          "pid,process,protocol,local_address,local_port,remote_address,remote_port,rx_bytes,tx_bytes");
    CHECK(names(default_columns(GroupBy("name"))) == "process,rx_bytes,tx_bytes,connections");
    CHECK(names(default_columns(GroupBy("user"))) == "user,rx_bytes,tx_bytes,connections");
    CHECK(names(default_columns(GroupBy("remote"))) == "remote_address,rx_bytes,tx_bytes,connections");
    CHECK(names(default_columns(GroupBy("port"))) == "port,rx_bytes,tx_bytes,connections");
    CHECK(names(default_columns(GroupBy("protocol"))) == "protocol,rx_bytes,tx_bytes,connections");
    CHECK(names(all_columns(GroupBy("process"))) ==
          "pid,process,kind,start_time,user,uid,rx_bytes,tx_bytes,rx_bytes_per_sec,tx_bytes_per_sec,share,"
          "connections,unknown_connections,attribution");
}

TEST_CASE("columns are selected, or added to the default ones, each once")
{
    CHECK(selected("") == "process,rx_bytes,tx_bytes,connections");
    CHECK(selected("pid") == "pid");
    CHECK(selected("tx_bytes,pid,tx_bytes") == "tx_bytes,pid");
    CHECK(selected("+uid,pid") == "process,rx_bytes,tx_bytes,connections,uid,pid");
    CHECK(selected("+rx_bytes,uid") == "process,rx_bytes,tx_bytes,connections,uid");
}

TEST_CASE("a wrong column is refused in one line that names the nearest")
{
    CHECK(refused_columns("pid,rxbytes") == "unknown column \"rxbytes\": did you mean \"rx_bytes\"?");
    CHECK(refused_columns("rx") == "unknown column \"rx\": did you mean \"rx_bytes\"?");
    CHECK(refused_columns("PID") == "unknown column \"PID\": did you mean \"pid\"?");
    CHECK(refused_columns("zzz") == "unknown column \"zzz\": see --list-columns");
    CHECK(refused_columns(" pid").find("did you mean \"pid\"?") != std::string::npos);
    for (const std::string_view spec : {",", "pid,", ",pid", "pid,,uid", "+", "+pid,", "+,pid"})
        CHECK_MESSAGE(refused_columns(spec) == "empty column name in \"" + std::string(spec) + "\"", spec);
    CHECK(refused_columns("++pid").rfind("unknown column \"+pid\"", 0) == 0);
    const std::string hostile = refused_columns("a\nb\x1b[31m\xff");
    CHECK(hostile.rfind("unknown column \"a\\nb\\x1b[31m\\xff\": ", 0) == 0);
    CHECK(refused_columns(std::string(131'000, 'x')).size() < 600);
}

TEST_CASE("rows are sorted by the sum of both directions unless told otherwise")
{
    const std::vector<Row> rows = {row(1, "a", 5, 5), row(2, "b", 0, 11), row(3, "c", 20, std::nullopt),
                                   row(4, "d", std::nullopt, std::nullopt), row(5, "e", 0, 0)};
    CHECK(order_of(rows, "") == "cbaed");
    CHECK(order_of(rows, "rx_bytes+tx_bytes") == "cbaed");
    CHECK(order_of(rows, "rx_bytes") == "cabed"); // b and e: equal, by pid
    CHECK(order_of(rows, "tx_bytes") == "baecd");
    CHECK(order_of(rows, "pid") == "edcba");
    CHECK(order_of(rows, "process") == "abcde");
    CHECK(order_of(rows, "user") == "abcde");
}

TEST_CASE("a sum at the top of the range does not wrap to the bottom of the list")
{
    constexpr auto top = std::numeric_limits<std::uint64_t>::max();
    CHECK(order_of({row(1, "a", 5, 5), row(2, "b", top, 2)}, "") == "ba");
}

TEST_CASE("the order is total: it does not depend on the order that rows come in")
{
    std::vector<Row> rows(13, row(7, "x", 1, 1));
    rows[1].start_time = StartTime{9};
    rows[2].uid = Uid{1};
    rows[3].user = std::string("u");
    rows[4].protocol = Protocol::udp;
    rows[5].local_address = address("10.0.0.1");
    rows[6].local_port = 1;
    rows[7].remote_address = address("10.0.0.1");
    rows[8].remote_port = 1;
    rows[9].port = 1;
    rows[10].attribution = Quality::unknown;
    rows[11].kind = RowKind::cause;
    rows[12].unknown_connections = 1;
    rows.push_back(row(8, "x", 1, 1));
    rows.push_back(row(6, "y", 1, 1));
    rows.push_back(row(0, "no pid", 1, 1));
    rows.back().pid.reset();

    const auto fingerprint = [](std::vector<Row> list) {
        sort_rows(list, "");
        std::string result;
        for (const Row& row : list) {
            for (const Column& column : columns()) {
                const Cell value = column.value(row);
                if (const auto* number = std::get_if<std::uint64_t>(&value))
                    result += std::to_string(*number);
                else if (const auto* text = std::get_if<std::string>(&value))
                    result += *text;
                result += '|';
            }
            result += '\n';
        }
        return result;
    };
    const std::string expected = fingerprint(rows);
    CHECK(expected.rfind("6|y|", 0) == 0);
    CHECK(expected.substr(expected.rfind("\n", expected.size() - 2) + 1).rfind("|no pid|", 0) == 0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::rotate(rows.begin(), rows.begin() + 1, rows.end());
        CHECK(fingerprint(rows) == expected);
    }
    std::reverse(rows.begin(), rows.end());
    CHECK(fingerprint(rows) == expected);
}

TEST_CASE("a wrong sort key is refused")
{
    CHECK(refused_sort("rxbytes") == "unknown column \"rxbytes\": did you mean \"rx_bytes\"?");
    CHECK(refused_sort("rx_bytes+user") == "cannot sort by a sum with \"user\": it is not a whole number");
    CHECK(refused_sort("+rx_bytes") == "empty column name in \"+rx_bytes\"");
    CHECK(refused_sort("rx_bytes+") == "empty column name in \"rx_bytes+\"");
    CHECK(refused_sort("rx_bytes,tx_bytes") ==
          "cannot sort by \"rx_bytes,tx_bytes\": use one column, or a sum such as rx_bytes+tx_bytes");
    CHECK(refused_sort("user") == "accepted");
}

TEST_CASE("the row of the rest says \"other\" in the text column of its key, and nothing in a number's")
{
    std::vector<Row> rows = {row(1, "a", 1, 1)};
    keep_top(rows, 0);
    const auto text = [&rows](std::string_view name, const GroupBy& by) {
        const Cell value = cell(*find_column(name), rows.front(), by);
        const auto* result = std::get_if<std::string>(&value);
        return result != nullptr ? *result : "null";
    };
    for (const Key& key : keys())
        CHECK(text("process", GroupBy(key.name)) == "other");
    CHECK(text("user", GroupBy("port,user")) == "other");
    CHECK(text("user", GroupBy("user")) == "other");
    CHECK(text("state", GroupBy("state")) == "other");
    CHECK(text("user", GroupBy("process")) == "null");
    CHECK(text("remote_address", GroupBy("remote")) == "other");
    CHECK(text("remote_address", GroupBy("connection")) == "null");
    CHECK(text("protocol", GroupBy("protocol")) == "other");
    CHECK(text("port", GroupBy("port")) == "null");
    CHECK(text("pid", GroupBy("process")) == "null");
    CHECK(text("kind", GroupBy("user")) == "other");
    CHECK(text("attribution", GroupBy("process")) == "null");
}
