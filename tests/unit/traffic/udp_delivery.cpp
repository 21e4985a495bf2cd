// SPDX-License-Identifier: MIT
// Which of the datagrams that came were read. Each case is one window, or a few in a row.
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
    flow.uid = Uid{5};
    flow.rx_bytes = rx_bytes;
    flow.tx_bytes = 77;
    return {flow};
}

/// The reader as a list has it; null: it is in no list.
struct State {
    std::uint32_t queued = 0;
    std::uint32_t drops = 0;
};
using Listed = std::optional<State>;

struct Window {
    std::uint64_t came;     // datagrams
    std::uint32_t smallest; // their lengths
    std::uint32_t largest;
    Listed last;                            // at the end
    std::uint64_t read;                     // datagrams, in the whole namespace
    std::uint64_t rx_bytes;                 // payload of what came
    std::optional<std::uint64_t> delivered; // and of that, what the process read; null: it has no flow
    std::uint64_t unsure;                   // datagrams whose length is not known
    std::uint64_t read_late = 0;            // datagrams, after the last packet of the window and before its end
};

struct Case {
    std::string_view what;
    Listed first; // at the beginning
    std::vector<Window> windows;
};

std::vector<Socket> list_of(const Listed& state)
{
    return state ? std::vector{listed(reader, state->queued, state->drops)} : std::vector<Socket>{};
}

} // namespace

TEST_CASE("udp delivery: of what came, what was read")
{
    constexpr State quiet;
    const Case cases[] = {
        {"all was read", State{0, 5}, {{10, 100, 300, State{0, 5}, 10, 2000, 2000, 0}}},
        // Datagrams of one length: what was dropped or waits is taken away to the byte.
        {"dropped", State{0, 5}, {{10, 200, 200, State{0, 8}, 7, 2000, 1400, 0}}},
        {"waiting", State{0, 5}, {{10, 200, 200, State{3 * 768, 5}, 7, 2000, 1400, 0}}},
        {"both, of a new socket", {}, {{10, 200, 200, State{768, 2}, 7, 2000, 1400, 0}}},
        // Datagrams of many lengths: the most that it can be is taken away.
        {"dropped, of any length", quiet, {{10, 100, 300, State{0, 2}, 8, 2000, 1400, 2}}},
        {"waiting, of any length", quiet, {{10, 100, 300, State{1500, 0}, 8, 2000, 500, 1}}},
        {"more waits than came", quiet, {{10, 100, 300, State{9999, 0}, 8, 2000, 0, 1}}},
        {"nobody reads it", State{200'000, 50}, {{10, 100, 300, State{200'000, 60}, 0, 2000, 0, 0}}},
        // What had waited before the window.
        {"it was read", State{500, 0}, {{0, 0, 0, quiet, 1, 0, 0, 1}}},
        {"it is gone with its socket", State{500, 0}, {{0, 0, 0, {}, 0, 0, 0, 1}}},
        {"it still waits", State{500, 0}, {{0, 0, 0, State{500, 0}, 0, 0, 0, 0}}},
        // What waits is of the window in which it is read, whether or not its socket is closed then.
        {"read in the next window, and closed",
         quiet,
         {{10, 200, 200, State{3 * 768, 0}, 7, 2000, 1400, 0}, {0, 0, 0, {}, 3, 0, 600, 1}}},
        {"closed without being read",
         quiet,
         {{10, 200, 200, State{3 * 768, 0}, 7, 2000, 1400, 0}, {0, 0, 0, {}, 0, 0, std::nullopt, 0}}},
        // What is read or dropped after the last packet of a window is in the packets of the next one.
        {"read early, window after window",
         quiet,
         {{10, 100, 300, quiet, 10, 2000, 2000, 0, 2},
          {10, 100, 300, quiet, 8, 2000, 2000, 0, 3},
          {10, 100, 300, quiet, 7, 2000, 2000, 0, 0},
          {10, 100, 300, quiet, 10, 2000, 2000, 0, 5},
          {10, 100, 300, quiet, 5, 2000, 2000, 0, 1},
          {4, 100, 300, {}, 1, 800, 800, 2}}}, // two are never read
        {"dropped early, once",
         State{0, 5},
         {{2, 200, 200, State{0, 8}, 0, 400, 0, 0},
          {4, 200, 200, State{0, 8}, 3, 800, 600, 0},
          {1, 200, 200, State{0, 8}, 1, 200, 200, 0}}},
    };
    for (const Case& each : cases) {
        CAPTURE(each.what);
        UdpDelivery delivery;
        std::uint64_t read = 100;
        delivery.begin(list_of(each.first), counters(read));
        for (std::size_t i = 0; i < each.windows.size(); ++i) {
            CAPTURE(i);
            const Window& window = each.windows[i];
            if (i > 0) {
                delivery.next_window();
            }
            if (window.came != 0) {
                delivery.add(came(reader, window.came, window.smallest, window.largest));
            }
            delivery.end_packets(counters(read += window.read));
            delivery.end(list_of(window.last), counters(read += window.read_late));
            const bool has_flow = i == 0 || window.came != 0;
            auto all = has_flow ? flows(window.rx_bytes) : std::vector<Flow>{};
            delivery.correct(all);
            REQUIRE(all.size() == (window.delivered ? 1 : 0));
            CHECK((all.empty() || all[0].rx_bytes == window.delivered));
            CHECK((all.empty() || (all[0].inode == reader && all[0].uid == Uid{5})));
            CHECK((has_flow || all.empty() || all[0].tx_bytes == 0U));
            CHECK(delivery.unsure() == window.unsure);
        }
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

TEST_CASE("udp delivery: a queue that is empty a moment later was on its way to be read")
{
    UdpDelivery delivery;
    delivery.begin({listed(reader, 500, 0)}, counters(100));
    delivery.begin({listed(reader, 0, 0)}, counters(101));
    delivery.end({listed(reader, 0, 0)}, counters(101));
    auto all = flows(0);
    delivery.correct(all);
    CHECK(delivery.unsure() == 0);
}

TEST_CASE("udp delivery: datagrams that one of several sockets has read hide none that were left unread")
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

TEST_CASE("udp delivery: datagrams that may have come back were read if more was read than came")
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

TEST_CASE("udp delivery: datagrams without a socket are nobody's where the kernel found none either")
{
    UdpDelivery delivery;
    delivery.begin({}, counters(0, 10));
    delivery.end({}, counters(0, 13));
    CHECK(delivery.unwanted(3));
    CHECK_FALSE(delivery.unwanted(4));
    CHECK_FALSE(UdpDelivery().unwanted(1));
}
