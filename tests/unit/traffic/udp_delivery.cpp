// SPDX-License-Identifier: MIT
#include "traffic/packet/delivered.hpp"

#include <doctest/doctest.h>

using namespace socktally;

namespace {

constexpr Inode reader{7};
constexpr Inode other{8};

Socket listed(Inode inode, std::uint32_t queued, std::uint32_t drops)
{
    Socket socket;
    socket.tuple.protocol = Protocol::udp;
    socket.inode = inode;
    socket.rqueue = queued;
    socket.drops = drops;
    return socket;
}

/// Datagrams that came to a socket.
PacketFlow came(Inode inode, std::uint64_t datagrams, std::uint32_t smallest, std::uint32_t largest)
{
    PacketFlow flow;
    flow.tuple.protocol = Protocol::udp;
    flow.found.inode = inode;
    flow.rx.datagrams = datagrams;
    flow.rx.smallest = smallest;
    flow.rx.largest = largest;
    return flow;
}

ProtocolCounters counters(std::uint64_t read, std::uint64_t no_ports = 0)
{
    ProtocolCounters result;
    result.udp_read = read;
    result.udp_no_ports = no_ports;
    return result;
}

std::vector<Flow> flows(std::uint64_t rx_bytes)
{
    Flow flow;
    flow.inode = reader;
    flow.rx_bytes = rx_bytes;
    return {flow};
}

} // namespace

TEST_CASE("what was read is left as it is")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 0, 5)}, counters(100));
    delivery.end({listed(reader, 0, 5)}, counters(110));
    delivery.add(came(reader, 10, 100, 300));
    auto all = flows(2000);
    delivery.correct(all);
    CHECK(all[0].rx_bytes == 2000U);
    CHECK(delivery.unsure() == 0);
}

TEST_CASE("of datagrams of one length those that were dropped or wait are taken away to the byte")
{
    UdpDelivery delivery;
    SUBCASE("dropped")
    {
        delivery.begin({listed(reader, 0, 5)}, counters(100));
        delivery.end({listed(reader, 0, 8)}, counters(107));
    }
    SUBCASE("waiting")
    {
        delivery.begin({listed(reader, 0, 5)}, counters(100));
        delivery.end({listed(reader, 3 * 768, 5)}, counters(107));
    }
    SUBCASE("both, on a socket that is new")
    {
        delivery.begin({}, counters(100));
        delivery.end({listed(reader, 768, 2)}, counters(107));
    }
    delivery.add(came(reader, 10, 200, 200));
    auto all = flows(2000);
    delivery.correct(all);
    CHECK(all[0].rx_bytes == 1400U);
    CHECK(delivery.unsure() == 0);
}

TEST_CASE("of datagrams of many lengths the most that it can be is taken away, and said so")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 0, 0)}, counters(100));
    delivery.add(came(reader, 10, 100, 300));
    auto all = flows(2000);
    SUBCASE("dropped")
    {
        delivery.end({listed(reader, 0, 2)}, counters(108));
        delivery.correct(all);
        CHECK(all[0].rx_bytes == 1400U);
    }
    SUBCASE("waiting")
    {
        delivery.end({listed(reader, 1500, 0)}, counters(108));
        delivery.correct(all);
        CHECK(all[0].rx_bytes == 500U);
    }
    SUBCASE("more than there is")
    {
        delivery.end({listed(reader, 9999, 0)}, counters(108));
        delivery.correct(all);
        CHECK(all[0].rx_bytes == 0U);
    }
    CHECK(delivery.unsure() > 0);
}

TEST_CASE("a socket that nobody reads has received nothing")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 200'000, 50)}, counters(100));
    delivery.end({listed(reader, 200'000, 60)}, counters(100));
    delivery.add(came(reader, 10, 100, 300));
    auto all = flows(2000);
    delivery.correct(all);
    CHECK(all[0].rx_bytes == 0U);
    CHECK(delivery.unsure() == 0);
}

TEST_CASE("what had waited before the window makes the figures unsure, unless it still does")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 500, 0)}, counters(100));
    auto all = flows(0);
    SUBCASE("it was read")
    {
        delivery.end({listed(reader, 0, 0)}, counters(101));
        delivery.correct(all);
        CHECK(delivery.unsure() == 1);
    }
    SUBCASE("it is gone with its socket")
    {
        delivery.end({}, counters(100));
        delivery.correct(all);
        CHECK(delivery.unsure() == 1);
    }
    SUBCASE("it still waits")
    {
        delivery.end({listed(reader, 500, 0)}, counters(100));
        delivery.correct(all);
        CHECK(delivery.unsure() == 0);
    }
    SUBCASE("it was on its way to be read")
    {
        delivery.begin({listed(reader, 0, 0)}, counters(101));
        delivery.end({listed(reader, 0, 0)}, counters(101));
        delivery.correct(all);
        CHECK(delivery.unsure() == 0);
    }
}

TEST_CASE("datagrams that are missing without a trace make the figures unsure")
{
    UdpDelivery delivery;
    delivery.begin({}, counters(100));
    delivery.end({}, counters(106));
    delivery.add(came(reader, 5, 100, 100));
    delivery.add(came(other, 5, 100, 100));
    auto all = flows(1000);
    delivery.correct(all);
    CHECK(delivery.unsure() == 4);
}

TEST_CASE("datagrams that one of several sockets has read hide none that were left unread")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 0, 0)}, counters(100));
    delivery.end({}, counters(110)); // the reader has closed its socket
    delivery.add(came(reader, 5, 100, 100));
    delivery.add_elsewhere(came({}, 10, 100, 100));
    auto all = flows(500);
    delivery.correct(all);
    CHECK(delivery.unsure() == 5);
}

TEST_CASE("what waits in one queue is not told by what is missing where another socket was closed")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 0, 0), listed(other, 0, 0)}, counters(100));
    delivery.end({listed(reader, 3'000, 0)}, counters(107)); // 3 wait, and 10 were closed unread
    delivery.add(came(reader, 10, 100, 100));
    delivery.add(came(other, 10, 100, 100));
    auto all = flows(1000);
    delivery.correct(all);
    CHECK(delivery.unsure() > 0);
}

TEST_CASE("datagrams that may have come back were not read where others without a socket may have been")
{
    UdpDelivery delivery;
    delivery.begin({}, counters(100));
    delivery.end({}, counters(104));
    CHECK_FALSE(delivery.take_unseen(4, 4));
    CHECK(delivery.unsure() == 4);
}

TEST_CASE("what came for many while their sockets changed is unsure")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 0, 0)}, counters(100));
    delivery.end({listed(reader, 0, 0)}, counters(105));
    PacketFlow flow = came(reader, 5, 100, 100);
    flow.is_unsure = true;
    delivery.add(flow);
    CHECK(delivery.unsure() == 1);
}

TEST_CASE("datagrams that may have come back were read where more was than came")
{
    const auto after = [](std::uint64_t read) {
        UdpDelivery delivery;
        delivery.begin({}, counters(100));
        delivery.end({}, counters(100 + read));
        delivery.add(came(reader, 5, 100, 100));
        const bool taken = delivery.take_unseen(4);
        return std::pair(taken, delivery.unsure());
    };
    CHECK(after(5) == std::pair(false, std::uint64_t{0}));
    CHECK(after(7) == std::pair(true, std::uint64_t{2}));
    CHECK(after(9) == std::pair(true, std::uint64_t{0}));
}

TEST_CASE("windows: what was read after the end of one is in the packets of the next, again and again")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 0, 0)}, counters(100));
    std::uint64_t read = 100;
    std::uint64_t early = 0;
    for (const std::uint64_t meanwhile : {2U, 3U, 0U, 5U, 1U}) {
        constexpr std::uint64_t in_window = 10;
        delivery.add(came(reader, in_window, 100, 300));
        read += in_window - early;
        delivery.end_packets(counters(read));
        read += meanwhile;
        delivery.end({listed(reader, 0, 0)}, counters(read));
        auto all = flows(2000);
        delivery.correct(all);
        CHECK(all[0].rx_bytes == 2000U);
        CHECK(delivery.unsure() == 0);
        delivery.next_window();
        early = meanwhile;
    }
    delivery.add(came(reader, 4, 100, 300)); // one of them was read before, and two are never read
    delivery.end_packets(counters(read + 1));
    delivery.end({}, counters(read + 1));
    auto all = flows(800);
    delivery.correct(all);
    CHECK(delivery.unsure() == 2);
}

TEST_CASE("windows: what waited is of the window in which it is read, also where its socket is closed then")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 0, 0)}, counters(100));
    delivery.add(came(reader, 10, 200, 200));
    delivery.end_packets(counters(107));
    delivery.end({listed(reader, 3 * 768, 0)}, counters(107));
    auto all = flows(2000);
    all[0].uid = Uid{5};
    all[0].tx_bytes = 77;
    delivery.correct(all);
    CHECK(all[0].rx_bytes == 1400U);
    delivery.next_window();
    all.clear(); // no packet, and no socket in the list
    SUBCASE("read")
    {
        delivery.end_packets(counters(110));
        delivery.end({}, counters(110));
        delivery.correct(all);
        REQUIRE(all.size() == 1);
        CHECK(all[0].inode == reader);
        CHECK(all[0].uid == Uid{5});
        CHECK(all[0].rx_bytes == 600U);
        CHECK(all[0].tx_bytes == 0U);
        CHECK(delivery.unsure() == 1);
    }
    SUBCASE("closed without being read")
    {
        delivery.end_packets(counters(107));
        delivery.end({}, counters(107));
        delivery.correct(all);
        CHECK(all.empty());
        CHECK(delivery.unsure() == 0);
    }
}

TEST_CASE("windows: a datagram that was dropped after the end is of the next window, whose packets have it")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 0, 5)}, counters(100));
    delivery.add(came(reader, 2, 200, 200));
    delivery.end_packets(counters(100));
    delivery.end({listed(reader, 0, 8)}, counters(100)); // three, of which one has come after the end
    auto all = flows(400);
    delivery.correct(all);
    CHECK(all[0].rx_bytes == 0U);
    delivery.next_window();
    delivery.add(came(reader, 4, 200, 200));
    delivery.end_packets(counters(103));
    delivery.end({listed(reader, 0, 8)}, counters(103));
    all = flows(800);
    delivery.correct(all);
    CHECK(all[0].rx_bytes == 600U);
    delivery.next_window();
    delivery.add(came(reader, 1, 200, 200)); // it was but once
    delivery.end_packets(counters(104));
    delivery.end({listed(reader, 0, 8)}, counters(104));
    all = flows(200);
    delivery.correct(all);
    CHECK(all[0].rx_bytes == 200U);
    CHECK(delivery.unsure() == 0);
}

TEST_CASE("datagrams without a socket are nobody's where the kernel found none either")
{
    UdpDelivery delivery;
    delivery.begin({}, counters(0, 10));
    delivery.end({}, counters(0, 13));
    CHECK(delivery.unwanted(3));
    CHECK_FALSE(delivery.unwanted(4));
    CHECK_FALSE(UdpDelivery().unwanted(1));
}
