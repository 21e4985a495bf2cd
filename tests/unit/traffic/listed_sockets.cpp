// SPDX-License-Identifier: MIT
#include "traffic/listed_sockets.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace socktally::test;

namespace {

Socket tcp(std::uint64_t inode, int local_port, int remote_port)
{
    Socket socket;
    socket.tuple = {Protocol::tcp, endpoint("10.0.0.1", local_port), endpoint("10.0.0.2", remote_port)};
    socket.family = Family::v4;
    socket.inode = Inode{inode};
    socket.uid = Uid{1000};
    return socket;
}

Socket listener(int port)
{
    Socket socket = tcp(900, port, 0);
    socket.tuple.remote = {};
    socket.state = TcpState::listen;
    return socket;
}

std::vector<Flow> sockets_of(Protocol protocol)
{
    Flow flow;
    flow.tuple.protocol = protocol;
    return {flow};
}

} // namespace

TEST_CASE("a socket of both lists is one flow, one of either is one too, and bytes are unknown")
{
    const auto flows = flows_of({tcp(1, 5, 80), tcp(2, 6, 80)}, {tcp(2, 6, 80), tcp(3, 7, 80)});
    REQUIRE(flows.size() == 3);
    CHECK(flows[0].inode == Inode{2});
    CHECK(flows[1].inode == Inode{3});
    CHECK(flows[2].inode == Inode{1});
    CHECK(flows[0].state == SocketState::open);
    CHECK(flows[2].state == SocketState::closed);
    CHECK(flows[2].uid == Uid{1000});
    for (const Flow& flow : flows) {
        CHECK_FALSE(flow.rx_bytes);
        CHECK_FALSE(flow.tx_bytes);
        CHECK(flow.sockets == 1);
    }
}

TEST_CASE("a socket has the addresses that it has at the end")
{
    const auto flows = flows_of({tcp(1, 5, 80)}, {tcp(1, 5, 443)});
    REQUIRE(flows.size() == 1);
    CHECK(flows[0].tuple.remote.port == 443);
}

TEST_CASE("what no process holds counts as the end shows it: a connection accepted meanwhile is one")
{
    CHECK(flows_of({tcp(0, 80, 5)}, {tcp(4, 80, 5)}).size() == 1);
    const auto unaccepted = flows_of({}, {tcp(0, 80, 5), tcp(0, 80, 6), tcp(0, 80, 6)});
    CHECK(unaccepted.size() == 2);
}

TEST_CASE("a socket that is listed twice, or whose subflows are, is one flow")
{
    CHECK(flows_of({}, {tcp(1, 5, 80), tcp(1, 5, 80), tcp(1, 6, 80)}).size() == 1);
}

TEST_CASE("listening, TIME_WAIT and unconnected TCP sockets move no bytes")
{
    Socket over = tcp(0, 5, 80);
    over.state = TcpState::time_wait;
    Socket closed = tcp(3, 5, 81);
    closed.state = TcpState::close;
    CHECK(flows_of({over, closed, listener(80)}, {over, closed, listener(80)}).empty());
}

TEST_CASE("a connection to a port that is listened on was accepted")
{
    const auto flows = flows_of({listener(80)}, {tcp(1, 80, 5), tcp(2, 81, 5)});
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].accepted);
    CHECK_FALSE(flows[1].accepted);
}

TEST_CASE("uncounted: messages of ICMP count where a socket may have had them")
{
    ProtocolCounters before;
    ProtocolCounters after;
    after.icmp = 1;
    CHECK(uncounted_traffic(before, after, sockets_of(Protocol::icmp)).icmp);
    CHECK_FALSE(uncounted_traffic(before, after, {}).icmp); // the kernel's own
    CHECK_FALSE(uncounted_traffic(after, after, sockets_of(Protocol::icmp)).any());
    after.echo_requests = 1;
    CHECK(uncounted_traffic(before, after, {}).icmp); // a process that is gone
}

TEST_CASE("uncounted: raw IP is what no other protocol explains")
{
    const auto raw = sockets_of(Protocol::raw);
    ProtocolCounters before;
    ProtocolCounters after;
    after.ip_out = 5;
    after.known_out = 5;
    CHECK_FALSE(uncounted_traffic(before, after, raw).raw);
    after.ip_out = 6;
    CHECK(uncounted_traffic(before, after, raw).raw);
    CHECK_FALSE(uncounted_traffic(before, after, {}).raw);
    after.ip_out = 5;
    after.ip_in = 1;
    CHECK(uncounted_traffic(before, after, raw).raw);
    after.ip_in = 0;
    after.tcp_segments = 1; // superpackets
    CHECK(uncounted_traffic(before, after, raw).raw);
}

TEST_CASE("uncounted: UDP-Lite and SCTP are told by their own counters")
{
    ProtocolCounters before;
    ProtocolCounters after;
    after.udplite = 1;
    CHECK(uncounted_traffic(before, after, {}).udplite);
    after.udplite = 0;
    after.sctp = 1;
    CHECK(uncounted_traffic(before, after, {}).sctp);
}
