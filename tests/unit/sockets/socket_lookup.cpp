// SPDX-License-Identifier: MIT
#include "sockets/socket_lookup.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace socktally::test;

namespace {

Tuple tuple(Protocol protocol, Endpoint local, Endpoint remote) { return {protocol, local, remote}; }

Socket listed(std::uint64_t inode, Tuple tuple, Family family)
{
    Socket socket;
    socket.tuple = tuple;
    socket.family = family;
    socket.inode = Inode{inode};
    socket.uid = Uid{1000};
    return socket;
}

Socket udp4(std::uint64_t inode, std::string_view local, int port)
{
    return listed(inode, tuple(Protocol::udp, endpoint(local, port), endpoint("0.0.0.0", 0)), Family::v4);
}

Socket udp6(std::uint64_t inode, std::string_view local, int port)
{
    return listed(inode, tuple(Protocol::udp, endpoint(local, port), endpoint("::", 0)), Family::v6);
}

const Tuple to_server = tuple(Protocol::udp, endpoint("10.0.0.1", 53), endpoint("10.0.0.9", 40000));
const Tuple to_server6 = tuple(Protocol::udp, endpoint("fd00::1", 53), endpoint("fd00::9", 40000));
const Tuple tcp_pair = tuple(Protocol::tcp, endpoint("10.0.0.1", 443), endpoint("10.0.0.9", 40000));

/// The inode of the one socket that is found, 0 where there is none or more than one.
std::uint64_t inode_of(const SocketMatch& match) { return match.only() != nullptr ? match.only()->inode.value : 0; }

std::uint64_t found(std::vector<Socket> sockets, const Tuple& tuple, std::uint32_t interface = 0)
{
    const SocketLookup lookup(std::move(sockets)); // keeps the sockets while the match is looked at
    return inode_of(lookup.find(tuple, interface));
}

} // namespace

TEST_CASE("nothing is found where nothing is listed")
{
    const SocketMatch match = SocketLookup().find(to_server);
    CHECK(match.sockets.empty());
    CHECK(match.only() == nullptr);
    CHECK(match.quality == Quality::unknown);
}

TEST_CASE("a connection is found by both ends, and by nothing less")
{
    const SocketLookup lookup({listed(7, tcp_pair, Family::v4)});
    const SocketMatch match = lookup.find(tcp_pair);
    CHECK(inode_of(match) == 7);
    CHECK(match.quality == Quality::owner);
    CHECK(match.only()->uid == Uid{1000});

    Tuple other = tcp_pair;
    other.remote.port = 40001;
    CHECK(lookup.find(other).sockets.empty());
    other = tcp_pair;
    other.local.address = address("10.0.0.2");
    CHECK(lookup.find(other).sockets.empty());
    other = tcp_pair;
    other.protocol = Protocol::udp;
    CHECK(lookup.find(other).sockets.empty());
}

TEST_CASE("a v6 socket with mapped addresses is found by the v4 tuple of its packets")
{
    const Tuple mapped = tuple(Protocol::tcp, endpoint("::ffff:10.0.0.1", 443), endpoint("::ffff:10.0.0.9", 40000));
    const SocketLookup lookup({listed(7, mapped, Family::v6)});
    CHECK(inode_of(lookup.find(tcp_pair)) == 7);
    CHECK(lookup.find(tcp_pair).quality == Quality::owner);
}

TEST_CASE("a listening TCP socket takes no connection's bytes")
{
    Socket listener = listed(7, tuple(Protocol::tcp, endpoint("0.0.0.0", 443), endpoint("0.0.0.0", 0)), Family::v4);
    listener.state = TcpState::listen;
    const SocketLookup lookup({listener});
    CHECK(lookup.find(tcp_pair).sockets.empty());
    CHECK(lookup.accepts_at(tcp_pair.local));
    CHECK_FALSE(lookup.accepts_at(endpoint("10.0.0.1", 80)));
    CHECK_FALSE(lookup.accepts_at(endpoint("fd00::1", 443)));
}

TEST_CASE("a dual-stack listener accepts v4, one with an address only there")
{
    Socket any = listed(7, tuple(Protocol::tcp, endpoint("::", 443), endpoint("::", 0)), Family::v6);
    any.state = TcpState::listen;
    Socket one = listed(8, tuple(Protocol::tcp, endpoint("10.0.0.1", 80), endpoint("0.0.0.0", 0)), Family::v4);
    one.state = TcpState::listen;
    const SocketLookup lookup({any, one});
    CHECK(lookup.accepts_at(endpoint("10.0.0.1", 443)));
    CHECK(lookup.accepts_at(endpoint("fd00::1", 443)));
    CHECK(lookup.accepts_at(endpoint("10.0.0.1", 80)));
    CHECK_FALSE(lookup.accepts_at(endpoint("10.0.0.2", 80)));
    any.v6_only = true;
    CHECK_FALSE(SocketLookup({any}).accepts_at(endpoint("10.0.0.1", 443)));
}

TEST_CASE("UDP: connected before bound, bound before any address")
{
    const Socket connected = listed(1, to_server, Family::v4);
    const Socket bound = udp4(2, "10.0.0.1", 53);
    const Socket any = udp4(3, "0.0.0.0", 53);
    const SocketLookup all({any, bound, connected});
    CHECK(inode_of(all.find(to_server)) == 1);
    CHECK(all.find(to_server).quality == Quality::owner);

    Tuple stranger = to_server;
    stranger.remote = endpoint("192.0.2.1", 5);
    CHECK(inode_of(all.find(stranger)) == 2);
    CHECK(all.find(stranger).quality == Quality::inherited);

    stranger.local.address = address("10.0.0.77");
    CHECK(inode_of(all.find(stranger)) == 3);
    CHECK(all.find(stranger).quality == Quality::inherited);

    stranger.local.port = 54;
    CHECK(all.find(stranger).sockets.empty());
}

TEST_CASE("an unconnected UDP socket of v6 takes v4 unless it is v6 only, and v4 never takes v6")
{
    Socket dual = udp6(5, "::", 53);
    CHECK(found({dual}, to_server) == 5);
    CHECK(found({dual}, to_server6) == 5);
    dual.v6_only = true;
    CHECK(found({dual}, to_server) == 0);
    CHECK(found({dual}, to_server6) == 5);
    CHECK(found({udp4(6, "0.0.0.0", 53)}, to_server6) == 0);
    CHECK(found({udp6(7, "::ffff:10.0.0.1", 53)}, to_server) == 7);
}

TEST_CASE("of two on the same port the one of the packet's own family takes it")
{
    const std::vector<Socket> both{udp6(5, "::", 53), udp4(6, "0.0.0.0", 53)};
    CHECK(found(both, to_server) == 6);
    CHECK(found(both, to_server6) == 5);
}

TEST_CASE("sockets that share a port are told apart by nothing: all are returned, none is guessed")
{
    const SocketLookup lookup({udp4(1, "0.0.0.0", 53), udp4(2, "0.0.0.0", 53), udp6(3, "::", 53)});
    const SocketMatch match = lookup.find(to_server);
    CHECK(match.only() == nullptr);
    REQUIRE(match.sockets.size() == 2);
    CHECK(match.sockets[0]->inode == Inode{1});
    CHECK(match.sockets[1]->inode == Inode{2});
    CHECK(found({listed(1, to_server, Family::v4), listed(2, to_server, Family::v4)}, to_server) == 0);
}

TEST_CASE("a socket that is listed twice is one socket")
{
    CHECK(found({udp4(1, "0.0.0.0", 53), udp4(1, "0.0.0.0", 53)}, to_server) == 1);
    Socket unheld = listed(0, tcp_pair, Family::v4);
    unheld.cookie = Cookie{9};
    const SocketLookup lookup({unheld, unheld});
    REQUIRE(lookup.find(tcp_pair).only() != nullptr);
    CHECK(lookup.find(tcp_pair).only()->cookie == Cookie{9});
}

TEST_CASE("a connection in TIME_WAIT gives way to the new one with its tuple")
{
    Socket over = listed(0, tcp_pair, Family::v4);
    over.state = TcpState::time_wait;
    CHECK(found({over, listed(7, tcp_pair, Family::v4)}, tcp_pair) == 7);
    const SocketLookup lookup({over});
    REQUIRE(lookup.find(tcp_pair).only() != nullptr);
    CHECK(lookup.find(tcp_pair).only()->state == TcpState::time_wait);
}

TEST_CASE("a socket bound to a device takes that device's traffic, and before one that is not")
{
    Socket left = udp4(1, "0.0.0.0", 53);
    left.interface = 2;
    Socket right = udp4(2, "0.0.0.0", 53);
    right.interface = 3;
    const Socket any = udp4(3, "0.0.0.0", 53);
    const std::vector<Socket> all{any, left, right};
    CHECK(found(all, to_server, 2) == 1);
    CHECK(found(all, to_server, 3) == 2);
    CHECK(found(all, to_server, 4) == 3);
    CHECK(found(all, to_server) == 0); // device not known
    CHECK(found({left}, to_server, 3) == 0);
}

TEST_CASE("a socket bound to a device is one of several if the device is not known")
{
    const auto bound = [](Socket socket) {
        socket.interface = 2;
        return socket;
    };
    const Socket left = bound(udp4(1, "0.0.0.0", 53));
    const Socket near = bound(udp4(2, "10.0.0.1", 53));
    const Socket connected = bound(listed(3, to_server, Family::v4));
    const Socket any = udp4(4, "0.0.0.0", 53);
    const auto count = [](std::vector<Socket> sockets) {
        return SocketLookup(std::move(sockets)).find(to_server).sockets.size();
    };
    CHECK(count({any, left}) == 2);
    CHECK(count({any, near}) == 2);
    CHECK(count({any, connected}) == 2);
    CHECK(count({any, near, connected}) == 3);
    CHECK(count({left}) == 1);
    CHECK(count({any, left, bound(udp6(5, "::", 53))}) == 2); // of those at the device the one of the family
    CHECK(count({udp6(5, "::", 53), left}) == 2);
    CHECK(found({any, near, connected}, to_server, 2) == 3);
    CHECK(found({any, near}, to_server, 2) == 2);
    CHECK(found({any, near, connected}, to_server, 9) == 4);
    const Socket any_left = bound(udp6(5, "::", 53));
    CHECK(SocketLookup({any_left}).find(any_left.tuple).sockets.size() == 1); // its own tuple comes once
}

TEST_CASE("a datagram to a group is every member's: one socket takes it, of several none is guessed")
{
    for (const char* group : {"224.0.0.251", "255.255.255.255"}) {
        const Tuple to_group = tuple(Protocol::udp, endpoint(group, 53), endpoint("10.0.0.9", 53));
        CHECK(found({udp4(1, "0.0.0.0", 53)}, to_group) == 1);
        CHECK(found({udp4(2, group, 53)}, to_group) == 2);
        CHECK(found({udp4(1, "0.0.0.0", 53), udp4(2, group, 53)}, to_group) == 0);
        CHECK(found({udp4(1, "0.0.0.0", 53), udp4(3, "10.0.0.1", 53)}, to_group) == 1);
        CHECK(found({listed(4, to_group, Family::v4)}, to_group) == 4); // connected to who sends
        CHECK(found({udp4(1, "0.0.0.0", 53), listed(4, to_group, Family::v4)}, to_group) == 0);
    }
    const Socket member = udp4(1, "224.0.0.251", 53);
    CHECK(SocketLookup({member}).find(member.tuple).sockets.size() == 1);
    const Tuple to_group6 = tuple(Protocol::udp, endpoint("ff02::fb", 53), endpoint("fd00::9", 53));
    CHECK(found({udp6(1, "::", 53), udp6(2, "ff02::fb", 53)}, to_group6) == 0);
    CHECK(found({udp6(1, "::", 53), udp6(2, "fd00::1", 53)}, to_group6) == 1);
}

namespace {

std::uint64_t found_rewritten(std::vector<Socket> sockets, const Tuple& tuple)
{
    const SocketLookup lookup(std::move(sockets));
    const Socket* socket = lookup.find_rewritten(tuple);
    return socket != nullptr ? socket->inode.value : 0;
}

Socket tcp4(std::uint64_t inode, const Endpoint& local, const Endpoint& remote)
{
    return listed(inode, tuple(Protocol::tcp, local, remote), Family::v4);
}

const Endpoint here = endpoint("10.0.0.1", 40000);
const Endpoint other_here = endpoint("10.0.0.1", 40001);
const Endpoint alias = endpoint("10.0.0.7", 40000);
const Endpoint dialled = endpoint("10.9.9.9", 80);
const Endpoint reached = endpoint("10.0.0.2", 8080);

} // namespace

TEST_CASE("a rewritten connection keeps one end of its socket's")
{
    CHECK(found_rewritten({tcp4(7, here, dialled)}, tuple(Protocol::tcp, here, reached)) == 7);
    CHECK(found_rewritten({tcp4(7, here, reached)}, tuple(Protocol::tcp, endpoint("10.0.0.7", 999), reached)) == 7);
    CHECK(found_rewritten({tcp4(7, here, dialled)}, tuple(Protocol::tcp, alias, reached)) == 0);
    CHECK(found_rewritten({tcp4(7, here, dialled)}, tuple(Protocol::udp, here, reached)) == 0);
    CHECK(found_rewritten({}, tuple(Protocol::tcp, here, reached)) == 0);
}

TEST_CASE("of several sockets that a rewritten connection may be of, the one with its port is")
{
    const std::vector<Socket> two{tcp4(7, here, reached), tcp4(8, other_here, reached)};
    CHECK(found_rewritten(two, tuple(Protocol::tcp, alias, reached)) == 7);
    CHECK(found_rewritten(two, tuple(Protocol::tcp, endpoint("10.0.0.7", 999), reached)) == 0);
}

TEST_CASE("another connection at a port that is listened on is not a rewritten one")
{
    Socket listener = tcp4(6, here, endpoint("0.0.0.0", 0));
    listener.state = TcpState::listen;
    CHECK(found_rewritten({listener, tcp4(7, here, dialled)}, tuple(Protocol::tcp, here, reached)) == 0);
}

TEST_CASE("rewritten datagrams keep the port of their socket")
{
    const Socket aimed = listed(7, tuple(Protocol::udp, here, reached), Family::v4);
    CHECK(found_rewritten({aimed}, tuple(Protocol::udp, alias, reached)) == 7);
    CHECK(found_rewritten({aimed}, tuple(Protocol::udp, endpoint("10.0.0.7", 999), reached)) == 0);
    CHECK(found_rewritten({udp4(7, "10.0.0.1", 40000)}, tuple(Protocol::udp, alias, reached)) == 7);
    CHECK(found_rewritten({udp4(7, "10.0.0.1", 40000), udp4(8, "10.0.0.3", 40000)},
                          tuple(Protocol::udp, alias, reached)) == 0);
}
