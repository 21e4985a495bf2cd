// SPDX-License-Identifier: MIT
// Keys of --by: their names, and what several of them together mean.
#include "table/columns.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

using namespace socktally;
using namespace socktally::test;

namespace {

std::string names(const ColumnList& list)
{
    std::string result;
    for (const Column* column : list)
        result.append(result.empty() ? "" : ",").append(column->name);
    return result;
}

std::string refusal(std::string_view names)
{
    try {
        return GroupBy(names).name();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

/// curl and wget with two connections each, to two addresses; and one that nobody holds any more.
Sample sample_of_five()
{
    Sample sample;
    sample.processes = {process(7, 1, "curl"), process(9, 2, "wget")};
    sample.flows = {owned_flow(0, 1, 0), owned_flow(0, 2, 0), owned_flow(1, 4, 0), owned_flow(1, 8, 0),
                    unowned_flow(Cause::exited, Uid{5}, 16, 0)};
    sample.flows[1].tuple.remote = sample.flows[3].tuple.remote = endpoint("10.0.0.3", 443);
    return sample;
}

/// The received bytes of each row.
std::string sums(const Sample& sample, std::string_view names)
{
    std::string result;
    for (const Row& row : group(sample, {}, GroupBy(names), false))
        result += fmt::format("{} ", *row.rx_bytes);
    return result;
}

} // namespace

TEST_CASE("each key has its own name, array and columns")
{
    std::set<std::string_view> seen;
    for (const Key& key : keys()) {
        CAPTURE(key.name);
        const GroupBy by(key.name);
        CHECK(by.name() == key.name);
        CHECK(by.array() == key.plural);
        CHECK((seen.insert(key.plural).second || key.plural == "lookups")); // dns has one array
        CHECK(by.has(key.name));
        for (const std::string_view list : {key.beside, key.columns, key.settles, key.labels, key.defaults})
            CHECK_NOTHROW(select_columns(list, {}));
    }
    CHECK(seen.size() == 18);
    CHECK(GroupBy("process").array() == "processes");
    CHECK(GroupBy("netns").array() == "netns");
    CHECK(GroupBy("user").of_lookups().array() == "lookups");
    CHECK(GroupBy("user").of_lookups() != GroupBy("user"));
    CHECK(GroupBy() == GroupBy("process"));
}

TEST_CASE("several keys are rows of their own array, with the columns of each")
{
    const GroupBy by("process,remote,port");
    CHECK(by.name() == "process,remote,port");
    CHECK(by.array() == "rows");
    CHECK(by.has("port"));
    CHECK_FALSE(by.has("user"));
    CHECK(names(default_columns(by)) == "pid,process,remote_address,port,rx_bytes,tx_bytes,connections");
    CHECK(names(series_columns(by)) ==
          "process,user,unit,container,remote_address,port,rx_bytes,tx_bytes,unknown_connections");
    CHECK(names(default_columns(GroupBy("pod,name"))) == "namespace,pod,process,rx_bytes,tx_bytes,connections");
    CHECK(GroupBy("user,unit").is_by_owner());
    CHECK_FALSE(by.is_by_owner());
    CHECK(by.is_by_host());
    CHECK(by.requires_any(Requirement::peers));
    CHECK(GroupBy("unit,remote").gathers_processes());
    CHECK_FALSE(GroupBy("unit,name").gathers_processes());
    CHECK(names(all_columns(GroupBy("user,exe"))).find(",exe,") != std::string::npos);
    CHECK(GroupBy("user,user,name") == GroupBy("user,name"));
}

TEST_CASE("a wrong key is refused in one line")
{
    CHECK(refusal("proces") == "unknown --by key \"proces\": did you mean \"process\"?");
    CHECK(refusal("user,nam") == "unknown --by key \"nam\": did you mean \"name\"?");
    CHECK(refusal("").starts_with("unknown --by key \"\": valid ones are process, connection, name, "));
    CHECK(refusal("user,").starts_with("unknown --by key \"\": "));
    CHECK(refusal("user,interface") ==
          "--by interface cannot be combined with other keys: for the processes of one interface, use --by process "
          "--interface eth0");
    CHECK(refusal("interface,interface") == "interface");
}

TEST_CASE("rows by several keys agree in all of them")
{
    Sample sample = sample_of_five();
    CHECK(sums(sample, "name") == "3 12 16 ");
    CHECK(sums(sample, "remote") == "21 10 ");
    for (const char* text : {"10.0.0.3", "10.0.0.4"}) { // two addresses of one name
        sample.names[parse_address(text).value()] =
            std::make_shared<const RemoteName>(RemoteName{"a.example", NameSource::hosts});
    }
    CHECK(sums(sample, "remote_name") == "21 10 ");
    CHECK(sums(sample, "name,remote") == "1 2 4 8 16 ");
    CHECK(sums(sample, "remote,process") == "1 2 4 8 16 ");
    CHECK(sums(sample, "user,remote") == "5 10 16 ");
    CHECK(sums(sample, "port,protocol") == "31 ");
    CHECK(sums(sample, "connection,port") == "1 2 4 8 16 ");
    sample.flows[1].tuple.remote = sample.flows[0].tuple.remote;
    CHECK(sums(sample, "connection") == "1 2 4 8 16 "); // two of one process with the same addresses
    CHECK(sums(sample, "process,remote") == "3 4 8 16 ");
}

TEST_CASE("traffic without an owner is not that of a process whose file is not known")
{
    Sample sample = sample_of_five();
    Identity known;
    known.exe = "/bin/curl";
    known.command = "curl x";
    sample.processes[0].identity = std::make_shared<const Identity>(known);
    sample.flows[4].cgroup_id = 9; // tells no file
    sample.flows[4].attribution.quality = Quality::socket;
    sample.groups[9] = std::make_shared<const Identity>();
    CHECK(sums(sample, "exe") == "3 12 16 ");
    CHECK(sums(sample, "command") == "3 12 16 ");
    CHECK(sums(sample, "unit") == "31 "); // all are in none
}
