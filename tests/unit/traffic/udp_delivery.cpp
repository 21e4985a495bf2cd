// SPDX-License-Identifier: MIT
// Which of the datagrams that came were read. Each case is one window, or a few
// in a row.
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

/// The reader as a list has it; null: it is in no list.
struct State {
    std::uint32_t queued = 0;
    std::uint32_t drops = 0;
};
using Listed = std::optional<State>;

struct Window {
    const char* what;
    Listed first;           // at the beginning
    std::uint64_t came;     // datagrams
    std::uint32_t smallest; // their lengths
    std::uint32_t largest;
    Listed last;             // at the end
    std::uint64_t read;      // datagrams, in the whole namespace
    std::uint64_t rx_bytes;  // payload of what came
    std::uint64_t delivered; // and of that, what the process read
    std::uint64_t unsure;    // datagrams whose length is not known
};

std::vector<Socket> list_of(const Listed& state)
{
    return state ? std::vector{listed(reader, state->queued, state->drops)} : std::vector<Socket>{};
}

} // namespace

TEST_CASE("udp delivery: of what came, what was read")
{
    constexpr State quiet;
    const Window windows[] = {
        {"all was read", State{0, 5}, 10, 100, 300, State{0, 5}, 10, 2000, 2000, 0},
        // Datagrams of one length: what was dropped or waits is taken away to the byte.
        {"dropped", State{0, 5}, 10, 200, 200, State{0, 8}, 7, 2000, 1400, 0},
        {"waiting", State{0, 5}, 10, 200, 200, State{3 * 768, 5}, 7, 2000, 1400, 0},
        {"both, of a new socket", {}, 10, 200, 200, State{768, 2}, 7, 2000, 1400, 0},
        // Datagrams of many lengths: the most that it can be is taken away.
        {"dropped, of any length", quiet, 10, 100, 300, State{0, 2}, 8, 2000, 1400, 2},
        {"waiting, of any length", quiet, 10, 100, 300, State{1500, 0}, 8, 2000, 500, 1},
        {"more waits than came", quiet, 10, 100, 300, State{9999, 0}, 8, 2000, 0, 1},
        {"nobody reads it", State{200'000, 50}, 10, 100, 300, State{200'000, 60}, 0, 2000, 0, 0},
        // What had waited before the window.
        {"it was read", State{500, 0}, 0, 0, 0, quiet, 1, 0, 0, 1},
        {"it is gone with its socket", State{500, 0}, 0, 0, 0, {}, 0, 0, 0, 1},
        {"it still waits", State{500, 0}, 0, 0, 0, State{500, 0}, 0, 0, 0, 0},
    };
    for (const Window& window : windows) {
        CAPTURE(window.what);
        UdpDelivery delivery;
        delivery.begin(list_of(window.first), counters(100));
        delivery.end(list_of(window.last), counters(100 + window.read));
        if (window.came != 0) {
            delivery.add(came(reader, window.came, window.smallest, window.largest));
        }
        auto all = flows(window.rx_bytes);
        delivery.correct(all);
        CHECK(all[0].rx_bytes == window.delivered);
        CHECK(delivery.unsure() == window.unsure);
    }
}

TEST_CASE("udp delivery: what was left unread by sockets that were closed is missing without a trace")
{
    UdpDelivery delivery;
    SUBCASE("both are closed")
    {
        delivery.begin({}, counters(100));
        delivery.end({}, counters(116));
    }
    SUBCASE("one has a queue, which does not tell what the other has left")
    {
        delivery.begin({listed(reader, 0, 0), listed(other, 0, 0)}, counters(100));
        delivery.end({listed(reader, 3'000, 0)}, counters(107));
    }
    delivery.add(came(reader, 10, 100, 100));
    delivery.add(came(other, 10, 100, 100));
    auto all = flows(1000);
    delivery.correct(all);
    CHECK(delivery.unsure() > 0);
}

TEST_CASE("udp delivery: what came for many while their sockets changed is unsure")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 0, 0)}, counters(100));
    delivery.end({listed(reader, 0, 0)}, counters(105));
    PacketFlow flow = came(reader, 5, 100, 100);
    flow.is_unsure = true;
    delivery.add(flow);
    CHECK(delivery.unsure() == 1);
}

TEST_CASE("udp delivery: a queue that is empty a moment later was on its way "
          "to be read")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 500, 0)}, counters(100));
    delivery.begin({listed(reader, 0, 0)}, counters(101));
    delivery.end({listed(reader, 0, 0)}, counters(101));
    auto all = flows(0);
    delivery.correct(all);
    CHECK(delivery.unsure() == 0);
}

TEST_CASE("udp delivery: datagrams that one of several sockets has read hide "
          "none that were left unread")
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

TEST_CASE("udp delivery: datagrams that may have come back were read if more "
          "was read than came")
{
    struct Unseen {
        std::uint64_t read; // 5 came
        std::uint64_t unclaimed;
        bool taken;
        std::uint64_t unsure;
    };
    for (const Unseen& each : {Unseen{5, 0, false, 0}, {7, 0, true, 2}, {9, 0, true, 0}, {9, 4, false, 4}}) {
        CAPTURE(each.read);
        UdpDelivery delivery;
        delivery.begin({}, counters(100));
        delivery.end({}, counters(100 + each.read));
        delivery.add(came(reader, 5, 100, 100));
        CHECK(delivery.take_unseen(4, each.unclaimed) == each.taken);
        CHECK(delivery.unsure() == each.unsure);
    }
}

TEST_CASE("udp delivery: what was read after the end of one is in the packets "
          "of the next, again and again")
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
    delivery.add(came(reader, 4, 100,
                      300)); // one of them was read before, and two are never read
    delivery.end_packets(counters(read + 1));
    delivery.end({}, counters(read + 1));
    auto all = flows(800);
    delivery.correct(all);
    CHECK(delivery.unsure() == 2);
}

TEST_CASE("udp delivery: what waited is of the window in which it is read, "
          "also where its socket is closed then")
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

TEST_CASE("udp delivery: a datagram that was dropped after the end is of the "
          "next window, whose packets have it")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 0, 5)}, counters(100));
    delivery.add(came(reader, 2, 200, 200));
    delivery.end_packets(counters(100));
    delivery.end({listed(reader, 0, 8)},
                 counters(100)); // three, of which one has come after the end
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

TEST_CASE("udp delivery: datagrams without a socket are nobody's where the "
          "kernel found none either")
{
    UdpDelivery delivery;
    delivery.begin({}, counters(0, 10));
    delivery.end({}, counters(0, 13));
    CHECK(delivery.unwanted(3));
    CHECK_FALSE(delivery.unwanted(4));
    CHECK_FALSE(UdpDelivery().unwanted(1));
}
