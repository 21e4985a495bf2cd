// SPDX-License-Identifier: MIT
#include "table/merge.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();

/// curl (pid 7, started 1, user 1000) with 10+1, curl (pid 7, started 2, user 1001) with 20+2, nginx (pid 9, user 33)
/// with 40+4 as server, and 80+8 of an exited process.
Sample sample_of_four()
{
    Sample sample;
    sample.processes = {process(7, 1, "curl"), process(7, 2, "curl", Uid{1001}), process(9, 3, "nginx", Uid{33})};
    sample.flows = {owned_flow(0, 10, 1), owned_flow(1, 20, 2), owned_flow(2, 40, 4),
                    unowned_flow(Cause::exited, Uid{5}, 80, 8)};
    Flow& server = sample.flows[2];
    server.tuple = {Protocol::tcp, endpoint("10.0.0.1", 80), endpoint("2001:db8::9", 51000)};
    server.accepted = true;
    return sample;
}

std::vector<Row> grouped(const Sample& sample, const GroupBy& by)
{
    auto rows = group(sample, {}, by, false);
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.rx_bytes < b.rx_bytes; });
    return rows;
}

/// rx_bytes of everything that the filter lets through; each flow of sample_of_four has its own bit pattern.
std::uint64_t passed(const Filter& filter, const Sample& sample = sample_of_four())
{
    return total(sample, filter).rx_bytes.value();
}

Filter without_loopback(std::vector<Address> own = {})
{
    Filter filter = filter_of({"no-loopback"});
    filter.machine.interfaces = {Interface{2, "eth0", false, true, std::move(own)}};
    return filter;
}

} // namespace

TEST_CASE("by process, a reused pid is another process")
{
    const auto rows = grouped(sample_of_four(), GroupBy("process"));
    REQUIRE(rows.size() == 4);
    CHECK(rows[0].pid == Pid{7});
    CHECK(rows[0].start_time == StartTime{1});
    CHECK(rows[0].uid == Uid{1000});
    CHECK(rows[1].pid == Pid{7});
    CHECK(rows[1].start_time == StartTime{2});
    CHECK(rows[1].rx_bytes == 20U);
    CHECK(rows[2].process == "nginx");
    CHECK(rows[2].attribution == Quality::owner);
    CHECK(!rows[3].pid);
    CHECK(!rows[3].start_time);
    CHECK(rows[3].process == "[exited]");
    CHECK(rows[3].uid == Uid{5});
    CHECK(rows[3].attribution == Quality::unknown);
}

TEST_CASE("by process, flows without owner are told apart by cause, and other users by uid")
{
    Sample sample;
    sample.flows = {unowned_flow(Cause::exited, Uid{1}, 1, 0),       unowned_flow(Cause::exited, Uid{2}, 2, 0),
                    unowned_flow(Cause::time_wait, Uid{1}, 4, 0),    unowned_flow(Cause::other_user, Uid{33}, 8, 0),
                    unowned_flow(Cause::other_user, Uid{34}, 16, 0), unowned_flow(Cause::other_user, Uid{33}, 32, 0)};
    const auto rows = grouped(sample, GroupBy("process"));
    REQUIRE(rows.size() == 4);
    CHECK(rows[0].process == "[exited]");
    CHECK(rows[0].rx_bytes == 3U);
    CHECK(!rows[0].uid);
    CHECK(rows[1].process == "[time-wait]");
    CHECK(rows[2].uid == Uid{34});
    CHECK(rows[3].uid == Uid{33});
    CHECK(rows[3].rx_bytes == 40U);
    CHECK(rows[3].connections == 2);
}

TEST_CASE("a process that calls itself [exited] is not mixed up with the cause")
{
    Sample sample;
    sample.processes = {process(7, 1, "[exited]")};
    sample.flows = {owned_flow(0, 1, 0), unowned_flow(Cause::exited, Uid{5}, 2, 0)};
    for (const GroupBy& by : {GroupBy("process"), GroupBy("name"), GroupBy("connection")}) {
        const auto rows = grouped(sample, by);
        REQUIRE(rows.size() == 2);
        CHECK(rows[0].process == rows[1].process);
        CHECK(rows[0].kind == RowKind::process);
        CHECK(rows[1].kind == RowKind::cause);
    }
    const auto remotes = grouped(sample, GroupBy("remote"));
    REQUIRE(remotes.size() == 1);
    CHECK(!remotes[0].kind); // one of each
}

TEST_CASE("a process whose index equals a cause's number is not mixed up with it")
{
    Sample sample;
    for (int i = 0; i < 8; ++i)
        sample.processes.push_back(process(i, 1, "p"));
    sample.flows = {owned_flow(static_cast<std::uint32_t>(Cause::unknown), 1, 0),
                    unowned_flow(Cause::unknown, std::nullopt, 2, 0)};
    CHECK(grouped(sample, GroupBy("process")).size() == 2);
}

TEST_CASE("by connection, every flow is a row")
{
    const auto rows = grouped(sample_of_four(), GroupBy("connection"));
    REQUIRE(rows.size() == 4);
    CHECK(rows[0].protocol == Protocol::tcp);
    CHECK(rows[0].local_address == address("10.0.0.1"));
    CHECK(rows[0].local_port == 40000);
    CHECK(rows[0].remote_port == 443);
    CHECK(rows[0].port == 443);
    CHECK(rows[2].port == 80); // accepted: the service is here
    CHECK(rows[2].remote_port == 51000);
}

TEST_CASE("what an unconnected socket does not have is null")
{
    Sample sample;
    sample.processes = {process(7, 1, "dns")};
    sample.flows = {owned_flow(0, std::nullopt, std::nullopt)};
    sample.flows[0].tuple = {Protocol::udp, endpoint("0.0.0.0", 53), {}};
    const auto rows = grouped(sample, GroupBy("connection"));
    REQUIRE(rows.size() == 1); // unknown bytes may be traffic
    CHECK(!rows[0].remote_address);
    CHECK(!rows[0].remote_port);
    CHECK(rows[0].port == 53);
    CHECK(!rows[0].rx_bytes);
    CHECK(!rows[0].tx_bytes);
}

TEST_CASE("by name, processes of one name are summed, and what they differ in is null")
{
    const auto rows = grouped(sample_of_four(), GroupBy("name"));
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].process == "curl");
    CHECK(rows[0].pid == Pid{7}); // both have it
    CHECK(!rows[0].start_time);
    CHECK(!rows[0].uid);
    CHECK(rows[0].rx_bytes == 30U);
    CHECK(rows[0].tx_bytes == 3U);
    CHECK(rows[0].connections == 2);
    CHECK(rows[2].process == "[exited]");
}

TEST_CASE("by user, the owner's user counts, the socket's where there is no owner")
{
    Sample sample = sample_of_four();
    sample.flows[0].uid = Uid{0}; // a socket made as root and used as 1000
    sample.flows.push_back(unowned_flow(Cause::unknown, Uid{33}, 1000, 0));
    sample.flows.push_back(unowned_flow(Cause::unknown, std::nullopt, 5000, 0));
    const auto rows = grouped(sample, GroupBy("user"));
    REQUIRE(rows.size() == 5);
    CHECK(rows[0].uid == Uid{1000});
    CHECK(rows[3].uid == Uid{33});
    CHECK(rows[3].rx_bytes == 1040U);
    CHECK(!rows[3].process);
    CHECK(rows[3].attribution == Quality::unknown); // the worst of nginx's and nobody's
    CHECK(!rows[4].uid);
}

TEST_CASE("by remote, port and protocol")
{
    Sample sample = sample_of_four();
    const auto remotes = grouped(sample, GroupBy("remote"));
    REQUIRE(remotes.size() == 2);
    CHECK(remotes[0].remote_address == address("2001:db8::9"));
    CHECK(remotes[1].rx_bytes == 110U);
    CHECK(!remotes[1].pid);

    const auto ports = grouped(sample, GroupBy("port"));
    REQUIRE(ports.size() == 2);
    CHECK(ports[0].port == 80);
    CHECK(ports[1].port == 443);
    CHECK(ports[1].connections == 3);

    sample.flows[0].tuple.protocol = Protocol::udp;
    const auto protocols = grouped(sample, GroupBy("protocol"));
    REQUIRE(protocols.size() == 2);
    CHECK(protocols[0].protocol == Protocol::udp);
    CHECK(protocols[1].protocol == Protocol::tcp);
    CHECK(protocols[1].rx_bytes == 140U);
}

TEST_CASE("once flows disagree a field stays null, also when a later flow brings the first value again")
{
    Sample sample;
    sample.processes = {process(1, 1, "a"), process(2, 1, "a")};
    sample.flows = {owned_flow(0, 1, 0), owned_flow(1, 1, 0), owned_flow(0, 1, 0)};
    const auto rows = group(sample, {}, GroupBy("name"), false);
    REQUIRE(rows.size() == 1);
    CHECK(!rows[0].pid);
}

TEST_CASE("unknown bytes add nothing to known ones and stay unknown alone")
{
    Sample sample;
    sample.processes = {process(1, 1, "a")};
    sample.flows = {owned_flow(0, std::nullopt, std::nullopt), owned_flow(0, 5, std::nullopt),
                    owned_flow(0, 6, std::nullopt)};
    const auto rows = group(sample, {}, GroupBy("process"), false);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].rx_bytes == 11U);
    CHECK(!rows[0].tx_bytes);
    CHECK(rows[0].connections == 3);
    CHECK(rows[0].unknown_connections == 3); // the sent bytes of two of them
}

TEST_CASE("the sockets whose bytes are unknown are counted")
{
    Sample sample = sample_of_four();
    sample.flows.push_back(owned_flow(0, std::nullopt, std::nullopt));
    sample.flows.back().sockets = 5;
    auto rows = grouped(sample, GroupBy("process"));
    REQUIRE(rows.size() == 4);
    CHECK(rows[0].rx_bytes == 10U);
    CHECK(rows[0].connections == 6);
    CHECK(rows[0].unknown_connections == 5);
    CHECK(rows[1].unknown_connections == 0);
    keep_top(rows, 0);
    CHECK(rows[0].unknown_connections == 5);
    CHECK(total(sample, {}).unknown_connections == 5);
    CHECK(total(sample, {}).rx_bytes == 150U);
}

TEST_CASE("packets are null as soon as those of one flow are unknown")
{
    Sample sample = sample_of_four();
    sample.flows[0].packets = {1, 2, 30, 40};
    sample.flows[1].packets = {10, 20, 300, std::nullopt};
    auto rows = grouped(sample, GroupBy("name"));
    REQUIRE(rows[0].process == "curl");
    CHECK(rows[0].packets == PacketCounts{11, 22, 330, std::nullopt});
    CHECK(rows[1].packets == PacketCounts{});
    rows.resize(1);
    keep_top(rows, 0);
    CHECK(rows[0].packets == PacketCounts{11, 22, 330, std::nullopt});
}

TEST_CASE("a total is null where there is something and nothing of it is known, and 0 where there is nothing")
{
    Sample sample;
    CHECK(total(sample, {}).rx_bytes == 0U);
    CHECK(total(sample, {}).unattributed_tx_bytes == 0U);

    sample.processes = {process(1, 1, "dns")};
    sample.flows = {owned_flow(0, std::nullopt, std::nullopt)};
    CHECK(!total(sample, {}).rx_bytes);
    CHECK(!total(sample, {}).tx_bytes);
    CHECK(total(sample, {}).unattributed_rx_bytes == 0U); // nothing is without owner
    CHECK(total(sample, filter_of({"pid=2"})).rx_bytes == 0U);

    sample.flows.push_back(unowned_flow(Cause::unknown, std::nullopt, 0, 7));
    sample.flows.back().rx_bytes.reset();
    CHECK(!total(sample, {}).rx_bytes);
    CHECK(total(sample, {}).tx_bytes == 7U);
    CHECK(!total(sample, {}).unattributed_rx_bytes);
    CHECK(total(sample, {}).unattributed_tx_bytes == 7U);

    sample.flows.push_back(owned_flow(0, 0, 0)); // known to be nothing
    CHECK(total(sample, {}).rx_bytes == 0U);
    CHECK(total(sample, {}).unknown_connections == 2);
}

TEST_CASE("sums stick at the top instead of wrapping")
{
    Sample sample;
    sample.processes = {process(1, 1, "a")};
    sample.flows = {owned_flow(0, top, top - 1), owned_flow(0, 1, 1)};
    const auto rows = group(sample, {}, GroupBy("process"), false);
    CHECK(rows[0].rx_bytes == top);
    CHECK(rows[0].tx_bytes == top);
    const Totals totals = total(sample, {});
    CHECK(totals.rx_bytes == top);
    CHECK(totals.tx_bytes == top);
}

TEST_CASE("idle flows are left out unless asked for")
{
    Sample sample = sample_of_four();
    sample.flows.push_back(owned_flow(0, 0, 0));
    sample.processes.push_back(process(11, 1, "sleeper"));
    sample.flows.push_back(owned_flow(3, 0, 0));
    CHECK(group(sample, {}, GroupBy("process"), false).size() == 4);
    const auto rows = group(sample, {}, GroupBy("process"), true);
    REQUIRE(rows.size() == 5);
    CHECK(rows[0].connections == 2);
}

TEST_CASE("totals tell the part that has no owner")
{
    const Totals totals = total(sample_of_four(), {});
    CHECK(totals.rx_bytes == 150U);
    CHECK(totals.tx_bytes == 15U);
    CHECK(totals.unattributed_rx_bytes == 80U);
    CHECK(totals.unattributed_tx_bytes == 8U);
}

TEST_CASE("filters by owner")
{
    CHECK(passed({}) == 150);
    CHECK(passed(filter_of({"pid=7"})) == 30);
    CHECK(passed(filter_of({"pid=7", "pid=9"})) == 70);
    CHECK(passed(filter_of({"pid=8"})) == 0);
    CHECK(passed(filter_of({"name=curl"})) == 30);
    CHECK(passed(filter_of({"name=cur"})) == 0);
    CHECK(passed(filter_of({"name=[exited]", "name=nginx"})) == 120);
    CHECK(passed(filter_of({"filter=ur"})) == 30);
    CHECK(passed(filter_of({"filter=zzz", "filter=gin"})) == 40);
    CHECK(passed(filter_of({"filter=exited"})) == 0); // a cause is no process name
    CHECK(passed(filter_of({"user=1001"})) == 20);
    CHECK(passed(filter_of({"user=5"})) == 80);
    CHECK(passed(filter_of({"pid=7", "user=1000"})) == 10);
    CHECK(passed(filter_of({"pid=9", "name=curl"})) == 0);
}

TEST_CASE("the uid filter looks at the owner, not at who made the socket")
{
    Sample sample = sample_of_four();
    sample.flows[0].uid = Uid{5};
    CHECK(passed(filter_of({"user=5"}), sample) == 80);
}

TEST_CASE("filters by tuple")
{
    CHECK(passed(filter_of({"port=443"})) == 110); // remote
    CHECK(passed(filter_of({"port=80"})) == 40);   // local
    CHECK(passed(filter_of({"port=81", "port=51000"})) == 40);
    CHECK(passed(filter_of({"remote=10.0.0.0/30"})) == 110);
    CHECK(passed(filter_of({"remote=2001:db8::/32"})) == 40);
    CHECK(passed(filter_of({"remote=0.0.0.0/0", "remote=::/0"})) == 150);
    CHECK(passed(filter_of({"remote=10.0.0.1"})) == 0); // that is the local one
    CHECK(passed(filter_of({"protocol=tcp"})) == 150);
    CHECK(passed(filter_of({"protocol=udp"})) == 0);
}

TEST_CASE("without loopback, traffic that never leaves the machine is left out")
{
    Sample sample = sample_of_four();
    CHECK(passed(without_loopback(), sample) == 150);
    sample.flows[0].tuple.remote = endpoint("127.0.0.53", 53);
    CHECK(passed(without_loopback(), sample) == 140);
    CHECK(passed({}, sample) == 150);
    sample.flows[1].tuple.remote.address = sample.flows[1].tuple.local.address;
    CHECK(passed(without_loopback(), sample) == 120);
    CHECK(passed(without_loopback({address("192.0.2.1"), address("2001:db8::9")}), sample) == 80);
}

TEST_CASE("without loopback, an unconnected socket cannot be judged: nobody knows whom it talks to")
{
    Sample sample;
    sample.flows = {unowned_flow(Cause::unknown, Uid{5}, 1, 0), unowned_flow(Cause::unknown, Uid{5}, 2, 0)};
    sample.flows[0].tuple = {};
    sample.flows[1].tuple.local.address = sample.flows[1].tuple.remote.address = address("0.0.0.0");
    const Filter filter = without_loopback({address("0.0.0.0")});
    for (const Flow& flow : sample.flows) {
        CHECK(judge(filter, flow, sample) == Judgement::unknown);
    }
    CHECK(passed(filter, sample) == 0);
}

TEST_CASE("without loopback, an unconnected socket at a loopback address is left out: nobody else reaches it")
{
    Sample sample;
    sample.flows = {unowned_flow(Cause::unknown, Uid{5}, 1, 0)};
    sample.flows[0].tuple = {};
    sample.flows[0].tuple.local = endpoint("127.0.0.53", 53);
    CHECK(passed(without_loopback(), sample) == 0);
    CHECK(passed({}, sample) == 1);
}
