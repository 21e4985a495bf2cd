// SPDX-License-Identifier: MIT
#include "commands/describe.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace socktally;
using namespace socktally::test;

namespace {

Flow flow_between(std::string_view local, int local_port, std::string_view remote, int remote_port, std::uint64_t rx)
{
    Flow result = owned_flow(0, rx, 0);
    result.tuple = {Protocol::tcp, endpoint(local, local_port), endpoint(remote, remote_port)};
    return result;
}

Sample sample_of(std::vector<Flow> flows)
{
    Sample sample;
    sample.processes = {process(10, 1, "alpha"), process(20, 2, "beta")};
    sample.flows = std::move(flows);
    return sample;
}

LocalTraffic local_of(const Sample& sample, const Filter& filter = {})
{
    Report result = report({});
    describe_flows(result, sample, filter, false);
    return result.local;
}

std::string hint(const Options& options, std::chrono::nanoseconds duration = std::chrono::seconds(1),
                 std::uint64_t passed = 0, bool complete = true, bool is_lo_busy = false)
{
    Report result = report({});
    result.by = options.by;
    result.duration = duration;
    result.complete = complete;
    describe(result, options, passed, is_lo_busy);
    return result.hint;
}

} // namespace

TEST_CASE("a connection is local if both of its ends are listed")
{
    const Flow there = flow_between("127.0.0.1", 40000, "127.0.0.1", 80, 5);
    const Flow here = flow_between("127.0.0.1", 80, "127.0.0.1", 40000, 7);
    const Flow away = flow_between("10.0.0.1", 40000, "10.0.0.2", 80, 9);
    CHECK(local_of(sample_of({there, here, away})).connections == 1);
    CHECK(local_of(sample_of({there, here, away})).hideable == 1);
    CHECK(local_of(sample_of({there, away})).connections == 0);
    Flow idle = here;
    idle.rx_bytes = 0;
    CHECK(local_of(sample_of({there, idle})).connections == 0);
    const Filter alpha = filter_of({"name=alpha"});
    Flow others = here;
    others.attribution.process = 1;
    CHECK(local_of(sample_of({there, others}), alpha).connections == 0);
}

TEST_CASE("what --no-loopback leaves out is only what is local in this namespace")
{
    const Flow back = flow_between("10.0.0.2", 80, "10.0.0.1", 40000, 7);
    const Sample sample = sample_of({flow_between("10.0.0.1", 40000, "10.0.0.2", 80, 9), back});
    Filter filter;
    filter.machine.interfaces = {{2, "eth0", false, true, {address("10.0.0.1"), address("10.0.0.2")}}};
    CHECK(local_of(sample, filter).hideable == 1);
    CHECK(local_of(sample).hideable == 0); // 10.0.0.1 may be a container's
    CHECK(local_of(sample).connections == 1);
}

TEST_CASE("the busiest remote address of a row is that of most bytes, not of most connections")
{
    const Sample sample =
        sample_of({flow_between("10.0.0.1", 1, "10.0.0.2", 80, 3), flow_between("10.0.0.1", 2, "10.0.0.2", 80, 3),
                   flow_between("10.0.0.1", 3, "10.0.0.3", 80, 7), flow_between("10.0.0.1", 4, "10.0.0.4", 80, 5)});
    for (const std::string_view key : {"process", "name", "user", "protocol"}) {
        Report result = report({});
        result.by = GroupBy(key);
        result.rows = group(sample, {}, result.by, false);
        describe_flows(result, sample, {}, true);
        REQUIRE(result.rows.size() == 1);
        CHECK(result.rows[0].busiest_remote == address("10.0.0.3"));
        describe_flows(result, sample, {}, false);
    }
    const Sample without = sample_of({owned_flow(1, 0, std::nullopt)});
    Report result = report(group(without, {}, GroupBy(), false));
    describe_flows(result, without, {}, true);
    CHECK_FALSE(result.rows.at(0).busiest_remote);
}

TEST_CASE("groups are counted before the rest is summed, and traffic without an owner is no process")
{
    Row cause = row(0, "[exited]", 1, 1);
    cause.kind = RowKind::cause;
    Report result = report({row(1, "a", 1, 1), row(2, "b", 1, 1), cause});
    describe(result, {}, 3);
    CHECK(result.group_count == 2);
    result.by = GroupBy("user");
    describe(result, {}, 3);
    CHECK(result.group_count == 3);
}

TEST_CASE("what to say if there is no row")
{
    using std::chrono::seconds;
    CHECK(hint({}) == "no traffic in 1.0 s; try -d 10s, or -d 0 for totals of open sockets");
    CHECK(hint({}, seconds(60)) == "no traffic in 1 min 0 s; try -d 0 for totals of open sockets");
    CHECK(hint({}, seconds(0)) == "no traffic on any open socket");
    CHECK(hint({}, seconds(0), 0, false) == "no traffic seen on any open socket");
    Options options;
    options.count = 0;
    CHECK(hint(options) == "no traffic in 1.0 s");
    options = {};
    options.by = GroupBy("interface");
    CHECK(hint(options) == "no traffic in 1.0 s; try -d 10s");
    CHECK(hint(options, seconds(1), 0, true, true) == "only lo moved bytes in 1.0 s; --interface lo shows them");
    CHECK(hint(options, seconds(0), 0, true, true) == "only lo moved bytes; --interface lo shows them");
    options = {};
    options.command = Command::report;
    CHECK(hint(options, seconds(7)) == "no traffic in the snapshots");
    const std::vector<const char*> argv{"socktally", "--port", "8080", "--exclude", "name=a b\x1b", "--no-loopback"};
    options = parse_options(static_cast<int>(argv.size()), argv.data());
    CHECK(hint(options) == "nothing matched --port 8080 --exclude name=a b\\x1b --no-loopback in 1.0 s");
    CHECK(hint(options, seconds(1), 3) == hint({})); // sockets that moved nothing
}
