// SPDX-License-Identifier: MIT
#include "traffic/packet/sightings.hpp"

#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace socktally::test;

namespace {

const Endpoint client = endpoint("10.1.0.2", 5000);
const Endpoint server = endpoint("10.2.0.2", 53);
const Endpoint router = endpoint("10.2.0.1", 5000);
const Endpoint inner = endpoint("10.1.0.1", 8053);

Packet packet(Protocol protocol, const Endpoint& from, const Endpoint& to, std::uint32_t bytes,
              std::uint32_t sequence = 0, std::uint8_t flags = TcpHeader::ack)
{
    Packet result;
    result.protocol = protocol;
    result.source = from;
    result.destination = to;
    result.payload_bytes = bytes;
    result.ip_bytes = bytes + 28;
    result.tcp = {sequence, flags};
    return result;
}

/// The router's namespace, with interface 1 to the client and 2 to the server.
struct Router {
    FlowTable table;
    std::uint64_t held = 0;
    std::vector<std::uint16_t> tunnel_ports{};
    std::uint64_t unsure = 0;

    void comes(std::uint32_t interface, const Packet& packet) { table.add(packet, Direction::received, interface); }
    void leaves(std::uint32_t interface, const Packet& packet) { table.add(packet, Direction::sent, interface); }

    PacketFlow& at(Protocol protocol, const Endpoint& local, const Endpoint& remote)
    {
        PacketFlow* flow = table.find({protocol, local, remote});
        REQUIRE(flow != nullptr);
        return *flow;
    }
    void judge()
    {
        std::vector<PacketFlow*> flows;
        table.each([&](PacketFlow& flow) { flows.push_back(&flow); });
        const SightingPlace place{
            [](const Address& address) { return address == router.address || address == inner.address; },
            [this](Inode inode) { return inode.value == held; }, tunnel_ports};
        unsure = mark_nobodys(
            flows, [&] { return flows; }, place);
    }
};

/// A question and its answer, masqueraded.
void pass_masqueraded(Router& at, std::uint32_t question, std::uint32_t answer)
{
    at.comes(1, packet(Protocol::udp, client, server, question));
    at.leaves(2, packet(Protocol::udp, router, server, question));
    at.comes(2, packet(Protocol::udp, server, router, answer));
    at.leaves(1, packet(Protocol::udp, server, client, answer));
}

} // namespace

TEST_CASE("sightings: what is masqueraded is nobody's")
{
    Router at;
    pass_masqueraded(at, 40, 100);
    at.judge();
    CHECK(at.at(Protocol::udp, router, server).is_nobodys);
    CHECK(at.unsure == 0);
}

TEST_CASE("sightings: a datagram of this machine to the same server stays, beside one that is masqueraded")
{
    Router at;
    pass_masqueraded(at, 40, 100);
    const Endpoint own = endpoint("10.2.0.1", 6000);
    at.leaves(2, packet(Protocol::udp, own, server, 40));
    at.comes(2, packet(Protocol::udp, server, own, 90));
    at.judge();
    CHECK(at.at(Protocol::udp, router, server).is_nobodys);
    CHECK_FALSE(at.at(Protocol::udp, own, server).is_nobodys);
}

TEST_CASE("sightings: a datagram of this machine stays beside an equal one that is forwarded as it is")
{
    Router at;
    at.comes(1, packet(Protocol::udp, client, server, 40));
    at.leaves(2, packet(Protocol::udp, client, server, 40));
    at.comes(2, packet(Protocol::udp, server, client, 100));
    at.leaves(1, packet(Protocol::udp, server, client, 100));
    at.leaves(2, packet(Protocol::udp, router, server, 40));
    at.comes(2, packet(Protocol::udp, server, router, 100));
    at.judge();
    CHECK_FALSE(at.at(Protocol::udp, router, server).is_nobodys);
}

TEST_CASE("sightings: a resolver's answer stays beside an equal one of a server that is forwarded to")
{
    Router at; // the client asks both from one socket
    at.comes(1, packet(Protocol::udp, client, inner, 40));
    at.leaves(1, packet(Protocol::udp, inner, client, 100));
    at.comes(1, packet(Protocol::udp, client, server, 40));
    at.leaves(2, packet(Protocol::udp, client, server, 40));
    at.comes(2, packet(Protocol::udp, server, client, 100));
    at.leaves(1, packet(Protocol::udp, server, client, 100));
    PacketFlow& own = at.at(Protocol::udp, inner, client);
    own.found.inode = Inode{7};
    own.found.match = Quality::inherited;
    at.judge();
    CHECK_FALSE(own.is_nobodys);
}

TEST_CASE("sightings: an unconnected socket at a published port got nothing of what was forwarded")
{
    Router at;
    at.comes(1, packet(Protocol::udp, client, inner, 40));
    at.leaves(2, packet(Protocol::udp, client, server, 40));
    at.comes(2, packet(Protocol::udp, server, client, 100));
    at.leaves(1, packet(Protocol::udp, inner, client, 100));
    PacketFlow& flow = at.at(Protocol::udp, inner, client);
    flow.found.inode = Inode{7};
    flow.found.match = Quality::inherited;
    at.judge();
    CHECK(flow.is_nobodys);
}

TEST_CASE("sightings: both ends rewritten")
{
    Router at;
    at.comes(1, packet(Protocol::udp, client, inner, 41));
    at.leaves(2, packet(Protocol::udp, router, server, 41));
    at.comes(2, packet(Protocol::udp, server, router, 1000));
    at.leaves(1, packet(Protocol::udp, inner, client, 1000));
    at.judge();
    CHECK(at.at(Protocol::udp, inner, client).is_nobodys);
    CHECK(at.at(Protocol::udp, router, server).is_nobodys);
}

TEST_CASE("sightings: datagrams that a router lost are told")
{
    Router at;
    for (int i = 0; i < 10; ++i) {
        at.comes(1, packet(Protocol::udp, client, server, 40));
    }
    at.leaves(2, packet(Protocol::udp, router, server, 40));
    at.judge();
    CHECK(at.at(Protocol::udp, router, server).is_nobodys);
    CHECK(at.unsure == 1);
}

TEST_CASE("sightings: a forwarded connection is known by its sequence numbers")
{
    constexpr std::uint32_t first = 0xfffffff0; // they wrap
    Router at;
    const auto pass = [&](const Endpoint& local, std::uint32_t lost) {
        at.comes(1, packet(Protocol::tcp, client, server, 100, first));
        at.leaves(2, packet(Protocol::tcp, local, server, 100, first + lost));
        at.comes(2, packet(Protocol::tcp, server, local, 1000, 77));
        at.leaves(1, packet(Protocol::tcp, server, client, 1000, 77));
    };
    SUBCASE("the same") { pass(router, 0); }
    SUBCASE("some is on its way") { pass(router, 100'000); }
    at.judge();
    CHECK(at.at(Protocol::tcp, router, server).is_nobodys);
}

TEST_CASE("sightings: a connection with other sequence numbers is this machine's, and so is one with a socket")
{
    Router at;
    at.comes(1, packet(Protocol::tcp, client, server, 100, 5));
    at.leaves(2, packet(Protocol::tcp, router, server, 100, 5));
    const Endpoint other = endpoint("10.2.0.1", 6000);
    at.leaves(2, packet(Protocol::tcp, other, server, 100, 1'000'000'000));
    PacketFlow& own = at.at(Protocol::tcp, router, server);
    own.found.inode = Inode{7};
    own.found.match = Quality::owner;
    at.judge();
    CHECK_FALSE(own.is_nobodys);
    CHECK_FALSE(at.at(Protocol::tcp, other, server).is_nobodys);
}

TEST_CASE("sightings: the outside of a tunnel is the kernel's, unless a process holds its socket")
{
    Router at;
    at.tunnel_ports = {4789};
    const Endpoint peer = endpoint("10.2.0.9", 4789);
    const Endpoint here = endpoint("10.2.0.1", 4789);
    at.leaves(2, packet(Protocol::udp, endpoint("10.2.0.1", 51000), peer, 150));
    at.comes(2, packet(Protocol::udp, endpoint("10.2.0.9", 52000), here, 150));
    PacketFlow& received = at.at(Protocol::udp, here, endpoint("10.2.0.9", 52000));
    received.found.inode = Inode{7};
    received.found.match = Quality::inherited;
    SUBCASE("the kernel's")
    {
        at.judge();
        CHECK(received.is_nobodys);
        CHECK(at.at(Protocol::udp, endpoint("10.2.0.1", 51000), peer).is_nobodys);
    }
    SUBCASE("a process's")
    {
        at.held = 7;
        at.judge();
        CHECK_FALSE(received.is_nobodys);
    }
}

namespace {

/// Of which lists know only the socket `own`.
PacketFlow& rewrite(FlowTable& table, const Tuple& seen, const Tuple& own)
{
    PacketFlow* flow = table.find(seen);
    REQUIRE(flow != nullptr);
    flow->found.inode = Inode{9};
    flow->found.tuple = own;
    flow->found.match = Quality::owner;
    flow->rewritten = true;
    return *flow;
}

std::vector<PacketFlow*> all_of(FlowTable& table)
{
    std::vector<PacketFlow*> flows;
    table.each([&](PacketFlow& flow) { flows.push_back(&flow); });
    return flows;
}

} // namespace

TEST_CASE("sightings: two halves of a connection are one")
{
    FlowTable table;
    const Endpoint dialled = endpoint("10.9.9.9", 80);
    table.add(packet(Protocol::tcp, inner, server, 300, 1, TcpHeader::syn), Direction::sent, 1);
    table.add(packet(Protocol::tcp, dialled, inner, 20, 9), Direction::received, 1);
    const Tuple own{Protocol::tcp, inner, dialled};
    const PacketFlow& half = rewrite(table, {Protocol::tcp, inner, server}, own);
    const auto joined = join_rewritten(all_of(table), table);
    CHECK(joined.contains(&half));
    CHECK(half.is_silent());
    const PacketFlow* whole = table.find(own);
    REQUIRE(whole != nullptr);
    CHECK(whole->tx.payload_bytes == 300);
    CHECK(whole->rx.payload_bytes == 20);
    CHECK(whole->began());
}

TEST_CASE("sightings: packets that go the same way as a socket's own are not the socket's")
{
    FlowTable table;
    const Tuple own{Protocol::tcp, router, server};
    table.add(packet(Protocol::tcp, router, server, 300, 1), Direction::sent, 1);
    table.add(packet(Protocol::tcp, inner, server, 20, 9), Direction::sent, 1);
    const PacketFlow& other = rewrite(table, {Protocol::tcp, inner, server}, own);
    CHECK(join_rewritten(all_of(table), table).empty());
    CHECK_FALSE(other.has_socket());
    CHECK(other.found.match == Quality::unknown);
    CHECK(other.tx.payload_bytes == 20);
}

TEST_CASE("sightings: one connected socket is no two connections")
{
    FlowTable table;
    const Tuple own{Protocol::tcp, router, server};
    table.add(packet(Protocol::tcp, inner, server, 20, 9), Direction::sent, 1);
    table.add(packet(Protocol::tcp, client, server, 30, 5'000'000), Direction::sent, 1);
    const PacketFlow& one = rewrite(table, {Protocol::tcp, inner, server}, own);
    const PacketFlow& two = rewrite(table, {Protocol::tcp, client, server}, own);
    join_rewritten(all_of(table), table);
    CHECK((one.has_socket() ? 1 : 0) + (two.has_socket() ? 1 : 0) == 1);
}
