// SPDX-License-Identifier: MIT
#include "traffic/packet/flow_table.hpp"

#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace socktally;
using namespace socktally::test;

namespace {

const Endpoint here = endpoint("10.0.0.1", 1000);
const Endpoint there = endpoint("10.0.0.2", 2000);

Packet packet(Protocol protocol, const Endpoint& source, const Endpoint& destination, std::uint32_t payload,
              TcpHeader tcp = {})
{
    Packet result;
    result.protocol = protocol;
    result.source = source;
    result.destination = destination;
    result.payload_bytes = payload;
    result.ip_bytes = payload + 40;
    result.tcp = tcp;
    return result;
}

const PacketFlow& flow_at(FlowTable& table, const Endpoint& local, const Endpoint& remote)
{
    const PacketFlow* found = nullptr;
    table.each([&](const PacketFlow& flow) {
        if (flow.tuple.local == local && flow.tuple.remote == remote) {
            found = &flow;
        }
    });
    REQUIRE(found != nullptr);
    return *found;
}

PacketFlow counted(std::uint64_t inode, const Endpoint& remote, std::uint64_t rx, std::uint64_t tx)
{
    PacketFlow flow;
    flow.tuple = {Protocol::udp, here, remote};
    flow.rx = {rx, rx + 28, 1, {}};
    flow.tx = {tx, tx + 28, 1, {}};
    flow.found.inode = Inode{inode};
    flow.found.match = inode == 0 ? Quality::unknown : Quality::inherited;
    return flow;
}

} // namespace

TEST_CASE("packet flows: sent and received are two directions of one flow")
{
    FlowTable table;
    table.add(packet(Protocol::udp, here, there, 100), Direction::sent, 3);
    table.add(packet(Protocol::udp, there, here, 7), Direction::received, 3);
    CHECK(table.size() == 1);
    const PacketFlow& flow = flow_at(table, here, there);
    CHECK(flow.tx.payload_bytes == 100);
    CHECK(flow.tx.ip_bytes == 140);
    CHECK(flow.tx.packets == 1);
    CHECK(flow.rx.payload_bytes == 7);
    CHECK(flow.interface == 3);
    CHECK_FALSE(flow.looped);
    CHECK(table.take_new().size() == 1);
    CHECK(table.take_new().empty());
}

TEST_CASE("packet flows: on lo one packet is sent by one end and received by the other")
{
    FlowTable table;
    table.add(packet(Protocol::udp, here, there, 100), Direction::looped, 1);
    CHECK(table.size() == 2);
    CHECK(flow_at(table, here, there).tx.payload_bytes == 100);
    CHECK(flow_at(table, here, there).rx.payload_bytes == 0);
    CHECK(flow_at(table, there, here).rx.payload_bytes == 100);
    CHECK(flow_at(table, there, here).looped);
}

TEST_CASE("packet flows: what is sent to many is taken to come back, too")
{
    const Endpoint group = endpoint("239.1.2.3", 2000);
    FlowTable table;
    table.add(packet(Protocol::udp, here, group, 100), Direction::sent, 3);
    table.add(packet(Protocol::udp, there, group, 10), Direction::received, 3);
    CHECK(flow_at(table, here, group).tx.payload_bytes == 100);
    CHECK(flow_at(table, group, here).rx.payload_bytes == 100);
    CHECK(flow_at(table, group, here).assumed);
    CHECK(!flow_at(table, group, there).assumed);
}

TEST_CASE("packet flows: what TCP sends again is packets and IP bytes, and no payload")
{
    FlowTable table;
    for (int times = 0; times < 3; ++times) {
        table.add(packet(Protocol::tcp, here, there, 100, {500, TcpHeader::ack}), Direction::sent, 1);
    }
    const PacketFlow& flow = flow_at(table, here, there);
    CHECK(flow.tx.payload_bytes == 100);
    CHECK(flow.tx.ip_bytes == 3 * 140);
    CHECK(flow.tx.packets == 3);
}

TEST_CASE("packet flows: another connection of the same tuple is another flow")
{
    FlowTable table;
    const auto connect = [&](std::uint32_t sequence, std::uint32_t answer) {
        table.add(packet(Protocol::tcp, here, there, 0, {sequence, TcpHeader::syn}), Direction::sent, 1);
        table.add(packet(Protocol::tcp, here, there, 0, {sequence, TcpHeader::syn}), Direction::sent, 1); // again
        table.add(packet(Protocol::tcp, there, here, 0, {answer, TcpHeader::syn | TcpHeader::ack}), Direction::received,
                  1);
        table.add(packet(Protocol::tcp, here, there, 10, {sequence + 1, TcpHeader::ack}), Direction::sent, 1);
        table.add(packet(Protocol::tcp, there, here, 20, {answer + 1, TcpHeader::ack}), Direction::received, 1);
    };
    connect(100, 200);
    table.take_new();
    flow_at(table, here, there);
    table.each([](PacketFlow& flow) { flow.found.inode = Inode{7}; });
    connect(5000, 90);
    const auto replaced = table.take_replaced();
    REQUIRE(replaced.size() == 1);
    CHECK(replaced[0].tx.payload_bytes == 10);
    CHECK(replaced[0].rx.payload_bytes == 20);
    CHECK(replaced[0].found.inode == Inode{7});
    CHECK(table.size() == 1);
    CHECK(table.take_new().size() == 1);
    const PacketFlow& flow = flow_at(table, here, there);
    CHECK(flow.tx.payload_bytes == 10);
    CHECK(flow.rx.payload_bytes == 20);
    CHECK_FALSE(flow.has_socket());
}

TEST_CASE("packet flows: fragments count where their first one does")
{
    FlowTable table;
    Packet first = packet(Protocol::udp, here, there, 1472);
    first.fragment = Fragment{9, 0, true};
    Packet later = packet(Protocol::udp, {here.address, 0}, {there.address, 0}, 500);
    later.fragment = Fragment{9, 1480, false};
    table.add(later, Direction::received, 1);
    CHECK(table.unmatched_fragments() == 1);
    table.add(first, Direction::received, 1);
    CHECK(table.size() == 1);
    CHECK(flow_at(table, there, here).rx.payload_bytes == 1972);
    CHECK(flow_at(table, there, here).rx.packets == 2);
    CHECK(table.unmatched_fragments() == 0);
}

TEST_CASE("packet flows: the idle are retired, and begin anew when they go on")
{
    FlowTable table;
    table.add(packet(Protocol::udp, here, there, 1), Direction::sent, 1);
    table.tick(10);
    table.add(packet(Protocol::udp, there, there, 2), Direction::sent, 1);
    std::uint64_t retired = 0;
    table.retire(10, [&](const PacketFlow& flow) { retired += flow.tx.payload_bytes; });
    CHECK(retired == 1);
    CHECK(table.size() == 1);
    table.add(packet(Protocol::udp, here, there, 4), Direction::sent, 1);
    CHECK(flow_at(table, here, there).tx.payload_bytes == 4);
    table.retire(11, [&](const PacketFlow& flow) { retired += flow.tx.payload_bytes; });
    CHECK(retired == 7);
    CHECK(table.size() == 0);
}

TEST_CASE("packet sums: by socket, or by tuple")
{
    const Endpoint other = endpoint("10.0.0.3", 3000);
    const auto add_all = [&](FlowSums& sums) {
        sums.add(counted(7, there, 1, 10));
        sums.add(counted(7, other, 2, 20));
        sums.add(counted(0, there, 4, 40));
        sums.add(counted(0, other, 8, 80));
        Flow silent = flow(0, 0);
        silent.inode = Inode{8};
        Flow seen = flow(0, 0);
        seen.inode = Inode{7};
        return sums.take({silent, seen});
    };
    FlowSums by_socket(FlowSums::Detail::sockets);
    const auto sockets = add_all(by_socket);
    REQUIRE(sockets.size() == 3);
    CHECK(sockets[0].rx_bytes == 3);
    CHECK(sockets[0].tx_bytes == 30);
    CHECK(sockets[0].sockets == 1);
    CHECK(sockets[0].packets == PacketCounts{2, 2, 3 + 56, 30 + 56});
    CHECK(sockets[1].rx_bytes == 12);
    CHECK(sockets[1].sockets == 2);
    CHECK(sockets[1].attribution.cause == Cause::unknown);
    CHECK(sockets[2].inode == Inode{8});

    FlowSums by_tuple(FlowSums::Detail::tuples);
    const auto tuples = add_all(by_tuple);
    REQUIRE(tuples.size() == 5);
    CHECK(tuples[0].tuple.remote == there);
    CHECK(tuples[1].tuple.remote == other);
    CHECK(tuples[1].match == Quality::inherited);
}

TEST_CASE("packet sums: what was not accepted when it was listed, and is over, is not unaccepted")
{
    PacketFlow flow = counted(0, there, 1, 10);
    flow.tuple.protocol = Protocol::tcp;
    flow.found.match = Quality::owner;
    FlowSums sums(FlowSums::Detail::tuples);
    sums.add(flow);
    flow.is_over = true;
    sums.add(flow);
    const auto flows = sums.take({});
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].attribution.cause == Cause::none);
    CHECK(flows[1].attribution.cause == Cause::unknown);
}

TEST_CASE("packet sums: a datagram that one of several sockets took is of their cgroup, if they have one in common")
{
    PacketFlow flow = counted(0, there, 1, 10);
    flow.takers.resize(2);
    flow.takers[0].cgroup_id = flow.takers[1].cgroup_id = 9;
    FlowSums sums(FlowSums::Detail::tuples);
    sums.add(flow);
    flow.takers[1].cgroup_id = 8;
    sums.add(flow);
    const auto flows = sums.take({});
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].cgroup_id == 9);
    CHECK(flows[1].cgroup_id == 0);
}

TEST_CASE("packet flows: in the next window connections go on, and datagrams are looked up anew")
{
    FlowTable table;
    table.add(packet(Protocol::tcp, here, there, 100, {500, TcpHeader::ack}), Direction::sent, 1);
    table.add(packet(Protocol::udp, here, there, 30), Direction::sent, 1);
    CHECK(table.take_new().size() == 2);
    table.next_window();
    CHECK(table.size() == 1);
    CHECK(table.take_new().empty());
    table.add(packet(Protocol::tcp, here, there, 100, {550, TcpHeader::ack}), Direction::sent, 1);
    CHECK(flow_at(table, here, there).tx.payload_bytes == 50);
    table.add(packet(Protocol::udp, here, there, 8), Direction::sent, 1);
    const auto fresh = table.take_new();
    REQUIRE(fresh.size() == 1);
    CHECK(fresh[0]->tuple.protocol == Protocol::udp);
    CHECK(fresh[0]->tx.payload_bytes == 8);
}

TEST_CASE("packet flows: how a connection ends is known before the packets of the next window are counted")
{
    FlowTable table;
    table.add(packet(Protocol::tcp, here, there, 100, {500, TcpHeader::ack}), Direction::sent, 1);
    table.note_end(packet(Protocol::tcp, here, there, 7, {600, TcpHeader::fin | TcpHeader::ack}), Direction::sent);
    table.note_end(packet(Protocol::tcp, there, here, 0, {9, TcpHeader::rst}), Direction::received);
    table.note_end(packet(Protocol::tcp, there, there, 0, {9, TcpHeader::rst}), Direction::looped); // no flow
    CHECK(table.size() == 1);
    const PacketFlow& flow = flow_at(table, here, there);
    CHECK(flow.tx.payload_bytes == 100);
    CHECK(flow.tx.packets == 1);
    CHECK((flow.tx.tcp_flags & TcpHeader::fin) != 0);
    CHECK((flow.rx.tcp_flags & TcpHeader::rst) != 0);
}

TEST_CASE("packet flows: a socket that may have moved the bytes is never ruled out by another one")
{
    const auto socket = [](std::uint64_t inode, std::uint64_t cookie) {
        Flow flow;
        flow.inode = Inode{inode};
        flow.cookie = Cookie{cookie};
        flow.match = Quality::inherited;
        return flow;
    };
    PacketFlow flow;
    flow.found.match = Quality::unknown;
    flow.add_taker(socket(0, 5)); // to be accepted yet
    CHECK_FALSE(flow.has_socket());
    flow.add_taker(socket(7, 5));
    flow.add_taker(socket(0, 5)); // over
    flow.add_taker(socket(0, 9));
    CHECK(flow.found.inode == Inode{7});
    CHECK(flow.takers.empty());
    flow.add_taker(socket(8, 6));
    flow.add_taker(socket(7, 5));
    REQUIRE(flow.takers.size() == 2);
    CHECK(flow.takers[0].inode == Inode{7});
    CHECK(flow.takers[1].inode == Inode{8});
}

TEST_CASE("packet flows: what comes after a cut is another flow")
{
    FlowTable table;
    table.add(packet(Protocol::udp, there, here, 100), Direction::received, 1);
    REQUIRE(table.take_new().size() == 1);
    table.each([](PacketFlow& flow) {
        flow.found.inode = Inode{7};
        flow.is_cut = true;
    });
    CHECK(table.take_replaced().empty());
    table.add(packet(Protocol::udp, there, here, 10), Direction::received, 1);
    const auto before = table.take_replaced();
    REQUIRE(before.size() == 1);
    CHECK(before[0].rx.payload_bytes == 100);
    CHECK(before[0].found.inode == Inode{7});
    const PacketFlow& flow = flow_at(table, here, there);
    CHECK(flow.rx.payload_bytes == 10);
    CHECK_FALSE(flow.has_socket());
    CHECK(table.take_new().size() == 1);
}
