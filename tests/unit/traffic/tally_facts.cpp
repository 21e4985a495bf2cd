// SPDX-License-Identifier: MIT
// What TCP tells of connections, given to the flows that the ebpf backend counted.
#include "traffic/ebpf/tally_flows.hpp"

#include "sockets/socket.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace socktally::test;

namespace {

tally_connection connection(std::uint64_t cookie, std::uint64_t retransmitted, TcpState state = TcpState::established)
{
    tally_connection result{};
    result.cookie = cookie;
    result.retransmitted_bytes = retransmitted;
    result.rtt_us = 100;
    result.state = static_cast<tally_u16>(state);
    result.is_tracked = 1;
    result.flow.family = AF_INET;
    result.flow.protocol = IPPROTO_TCP;
    result.flow.local_port = 40000;
    return result;
}

Flow used(std::uint64_t cookie, std::uint32_t process, std::uint64_t rx, std::uint64_t tx)
{
    Flow result = owned_flow(process, rx, tx);
    result.cookie = Cookie{cookie};
    return result;
}

std::vector<Flow> with_facts(std::vector<Flow> flows, const std::vector<tally_connection>& connections)
{
    Sample sample;
    sample.flows = std::move(flows);
    TallyFlows(sample, Tally::Detail::tuples).add_facts(connections);
    return sample.flows;
}

using Bytes = std::optional<std::uint64_t>;

} // namespace

TEST_CASE("tally facts: of an open connection, a closed one, and one that closed while they were listed")
{
    const auto closed = TcpState::close;
    const auto flows =
        with_facts({used(1, 0, 5, 5), used(2, 0, 5, 5), used(3, 0, 5, 5)},
                   {connection(1, 10), connection(2, 20, closed), connection(3, 30), connection(3, 3, closed)});
    REQUIRE(flows.size() == 3);
    CHECK(flows[0].facts->state == ConnectionState::established);
    CHECK(flows[0].facts->rtt_us == 100U);
    CHECK(flows[0].facts->retransmitted_bytes == 10U);
    CHECK(flows[1].facts->state == ConnectionState::closed);
    CHECK(flows[1].facts->retransmitted_bytes == 20U);
    CHECK(flows[2].facts->state == ConnectionState::closed);
    CHECK(flows[2].facts->retransmitted_bytes == 33U);
}

TEST_CASE("tally facts: what is not known stays unknown")
{
    tally_connection escaped = connection(1, 0);
    escaped.is_tracked = 0;
    Flow datagrams = used(9, 0, 5, 5);
    datagrams.tuple.protocol = Protocol::udp;
    const auto flows = with_facts({used(1, 0, 5, 5), used(2, 0, 5, 5), datagrams}, {escaped});
    CHECK(flows[0].facts->rtt_us == 100U);
    CHECK(!flows[0].facts->retransmitted_bytes);
    REQUIRE(flows[1].facts != nullptr); // TCP that no list has
    CHECK(*flows[1].facts == SocketFacts{});
    CHECK(flows[2].facts == nullptr);
}

TEST_CASE("tally facts: of several processes on one socket, the one that sent has retransmitted")
{
    struct Case {
        std::string_view what;
        std::uint64_t sent_by_first;
        std::uint64_t sent_by_second;
        Bytes first;
        Bytes second;
    };
    for (const Case& each : {Case{"one sent", 5, 0, 10, 0}, Case{"both did", 5, 5, std::nullopt, std::nullopt},
                             Case{"neither did", 0, 0, std::nullopt, std::nullopt}}) {
        CAPTURE(each.what);
        const auto flows =
            with_facts({used(1, 0, 1, each.sent_by_first), used(1, 1, 1, each.sent_by_second)}, {connection(1, 10)});
        CHECK(flows[0].facts->retransmitted_bytes == each.first);
        CHECK(flows[1].facts->retransmitted_bytes == each.second);
        CHECK(flows[1].facts->state == ConnectionState::established);
    }
}

TEST_CASE("tally facts: a connection that only retransmitted is a flow whose owner its inode tells")
{
    tally_connection held = connection(1, 10);
    held.inode = 77;
    const auto flows = with_facts({}, {held, connection(2, 0)});
    REQUIRE(flows.size() == 1);
    CHECK(flows[0].inode == Inode{77});
    CHECK(flows[0].cookie == Cookie{1});
    CHECK(flows[0].tuple.protocol == Protocol::tcp);
    CHECK(flows[0].tuple.local.port == 40000);
    CHECK(flows[0].rx_bytes == 0U);
    CHECK(flows[0].facts->retransmitted_bytes == 10U);
    CHECK(!flows[0].attribution.process);
    CHECK(flows[0].attribution.cause == Cause::none);
}

TEST_CASE("tally facts: MPTCP has those of all subflows together, and the longest round-trip time")
{
    tally_connection fast = connection(1, 10);
    fast.flow.protocol = IPPROTO_MPTCP;
    tally_connection slow = fast;
    slow.rtt_us = 300;
    Flow whole = used(1, 0, 5, 5);
    whole.tuple.protocol = Protocol::mptcp;
    const auto flows = with_facts({whole}, {slow, fast});
    REQUIRE(flows.size() == 1);
    CHECK(flows[0].facts->state == ConnectionState::established);
    CHECK(flows[0].facts->rtt_us == 300U);
    CHECK(flows[0].facts->retransmitted_bytes == 20U);
}
