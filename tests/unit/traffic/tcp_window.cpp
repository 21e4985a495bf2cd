// SPDX-License-Identifier: MIT
#include "traffic/packet/delivered.hpp"

#include "sockets/tcp_bytes.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace socktally;
using namespace socktally::test;

namespace {

PacketFlow flow(std::uint64_t rx, std::uint64_t tx)
{
    PacketFlow result;
    result.tuple = {Protocol::tcp, endpoint("10.0.0.1", 1000), endpoint("10.0.0.2", 2000)};
    result.rx.payload_bytes = rx;
    result.tx.payload_bytes = tx;
    result.found.inode = Inode{7};
    return result;
}

/// Without counters `unsent` is 0 or not known.
Socket listed(std::uint32_t queued, std::optional<std::uint32_t> unsent,
              std::optional<TcpPayload> payload = std::nullopt, std::uint64_t cookie = 1)
{
    Socket socket;
    socket.cookie = Cookie{cookie};
    socket.inode = Inode{7};
    socket.rqueue = queued;
    socket.wqueue = unsent.value_or(1);
    if (payload) {
        TcpCounters& counters = socket.tcp.emplace();
        counters.notsent_bytes = unsent.value();
        counters.bytes_received = payload->rx_bytes + queued;
        counters.bytes_acked = payload->tx_bytes;
        counters.sent = TcpCounters::Sent{payload->tx_bytes - std::min<std::uint64_t>(payload->tx_bytes, *unsent), 0};
        counters.data_segs_in = 1;
        counters.segs_in = *payload == TcpPayload{} ? 0 : 1;
        REQUIRE(tcp_payload(socket) == payload);
    }
    REQUIRE(unread_bytes(socket) == queued);
    REQUIRE(unsent_bytes(socket) == unsent);
    return socket;
}

} // namespace

TEST_CASE("tcp window: the kernel's counters at both ends, whatever packets show")
{
    const Socket first = listed(0, 0, TcpPayload{1000, 5000});
    const Socket last = listed(0, 0, TcpPayload{1700, 5001});
    const TcpMoved window = tcp_in_window(flow(90, 80), &first, &last);
    CHECK(window.rx_bytes == 700);
    CHECK(window.tx_bytes == 1);
    PacketFlow again = flow(90, 80);
    again.rx.earlier_bytes = 600; // counted for a flow that a forged SYN ended
    CHECK(tcp_in_window(again, &first, &last).rx_bytes == 100);
}

TEST_CASE("tcp window: of a connection that began in it, all that was ever moved; not where only the peer says SYN")
{
    const Socket last = listed(0, 0, TcpPayload{1700, 5001}, 2);
    const Socket first = listed(9, 9, TcpPayload{1000, 5000}, 1);
    PacketFlow began = flow(90, 80);
    began.tx.tcp_flags = TcpHeader::syn;
    CHECK(tcp_in_window(began, &first, &last).rx_bytes == 1700);
    PacketFlow forged = flow(90, 80);
    forged.rx.tcp_flags = TcpHeader::syn;
    CHECK(tcp_in_window(forged, nullptr, &last).rx_bytes == 90);
}

TEST_CASE("tcp window: of a connection that was seen to begin, what was not counted before, whatever lists there were")
{
    // Its SYN came before the end of a window, our answer after it, and some bytes before the list.
    PacketFlow answered = flow(0, 0);
    answered.rx.tcp_flags = TcpHeader::syn;
    const Socket first = listed(0, 0, TcpPayload{700, 300});
    const TcpMoved before = tcp_in_window(answered, nullptr, &first);
    CHECK(before.rx_bytes == 0);
    CHECK(before.tx_bytes == 0);
    answered.next_window();
    answered.rx.payload_bytes = 900;
    answered.tx.payload_bytes = 300;
    answered.tx.tcp_flags = TcpHeader::syn | TcpHeader::ack;
    const Socket last = listed(0, 0, TcpPayload{900, 300});
    const TcpMoved window = tcp_in_window(answered, &first, &last);
    CHECK(window.rx_bytes == 900);
    CHECK(window.tx_bytes == 300);
    count(answered, window);
    answered.next_window();
    const Socket later = listed(0, 0, TcpPayload{905, 301});
    CHECK(tcp_in_window(answered, &last, &later).rx_bytes == 5);
    CHECK(tcp_in_window(answered, nullptr, &later).tx_bytes == 1); // a list that has missed it
}

TEST_CASE("tcp window: what was counted before its packets came is not counted with them")
{
    PacketFlow quick = flow(0, 0);
    quick.tx.tcp_flags = TcpHeader::syn;
    const Socket last = listed(20, 5, TcpPayload{80, 55});
    const TcpMoved window = tcp_in_window(quick, nullptr, &last);
    CHECK(window.rx_bytes == 80);
    CHECK(window.tx_bytes == 55);
    count(quick, window);
    quick.next_window();
    quick.rx.payload_bytes = 130;
    quick.tx.payload_bytes = 60;
    quick.tx.tcp_flags |= TcpHeader::fin;
    const TcpMoved ended = tcp_in_window(quick, &last, nullptr);
    CHECK(ended.rx_bytes == 50);
    CHECK(ended.tx_bytes == 5);
    CHECK_FALSE(ended.ended_unread);
}

TEST_CASE("tcp window: a connection without packets")
{
    const Socket first = listed(100, 10, TcpPayload{1000, 500});
    SUBCASE("began after the end, for the list before does not have it")
    {
        const Socket last = listed(40, 7, TcpPayload{60, 55}, 2);
        for (const Socket* before : {static_cast<const Socket*>(nullptr), &first}) {
            const TcpMoved window = tcp_without_packets(before, last);
            CHECK(window.rx_bytes == 0);
            CHECK(window.tx_bytes == 0);
            CHECK(window.rx_carried == 0);
            CHECK(window.tx_carried == 0);
        }
    }
    SUBCASE("was read from")
    {
        const TcpMoved window = tcp_without_packets(&first, listed(30, 10, TcpPayload{1070, 500}));
        CHECK(window.rx_bytes == 70);
        CHECK(window.tx_bytes == 0);
        CHECK(window.rx_carried == 0);
        CHECK(window.tx_carried == 0);
    }
    SUBCASE("has some after the end: they are counted, and its packets are not, once it ends")
    {
        const Socket last = listed(0, 0, TcpPayload{1160, 525});
        const TcpMoved window = tcp_without_packets(&first, last);
        CHECK(window.rx_bytes == 160);
        CHECK(window.tx_bytes == 25);
        PacketFlow late = flow(60, 35); // and those of 10 that had waited to be sent
        late.rx.carried = window.rx_carried;
        late.tx.carried = window.tx_carried;
        late.tx.tcp_flags = TcpHeader::fin;
        const TcpMoved ended = tcp_in_window(late, &last, nullptr);
        CHECK(ended.rx_bytes == 0);
        CHECK(ended.tx_bytes == 0);
    }
}

TEST_CASE("tcp window: packets and queues where there are no counters")
{
    const Socket first = listed(10, 0, std::nullopt, 0);
    const Socket last = listed(30, 0, std::nullopt, 0);
    const TcpMoved window = tcp_in_window(flow(100, 50), &first, &last);
    CHECK(window.rx_bytes == 80);
    CHECK(window.tx_bytes == 50);
    CHECK_FALSE(window.unsent_unknown);
    const Socket sending = listed(0, std::nullopt, std::nullopt, 0);
    CHECK(tcp_in_window(flow(100, 50), &first, &sending).unsent_unknown);
    const Socket reset = listed(0, 0, TcpPayload{1, 1}); // counters that restarted
    const Socket before = listed(0, 0, TcpPayload{5, 5});
    CHECK(tcp_in_window(flow(100, 50), &before, &reset).rx_bytes == 100);
    Socket many_segments = before;
    many_segments.tcp->segs_in = 9;
    CHECK(tcp_in_window(flow(100, 50), &many_segments, &reset).rx_bytes == 100);
    CHECK(tcp_in_window(flow(100, 50), &many_segments, &before).rx_bytes == 100);
    const Socket unread = listed(4, 0, TcpPayload{1, 5}); // its queue was measured before the last 4 bytes came
    CHECK(tcp_in_window(flow(100, 50), &before, &unread).rx_bytes == 0);
}

TEST_CASE("tcp window: a byte that one list shows as read, and the next one as unread, is counted once")
{
    // The kernel measures the queue before the counters: the last 4 bytes came in between, and count as read.
    const std::array<Socket, 4> lists{
        listed(0, 0, TcpPayload{1000, 50}),
        listed(0, 0, TcpPayload{1005, 50}), // of which 1001 are read
        listed(4, 0, TcpPayload{1001, 50}),
        listed(0, 0, TcpPayload{1007, 50}),
    };
    PacketFlow stepped = flow(0, 0);
    std::vector<std::uint64_t> windows;
    for (std::size_t window = 1; window < lists.size(); ++window) {
        count(stepped, tcp_in_window(stepped, &lists.at(window - 1), &lists.at(window)));
        windows.push_back(stepped.rx.payload_bytes);
        stepped.next_window();
    }
    CHECK(windows == std::vector<std::uint64_t>{5, 0, 2});
    SUBCASE("and counters that restarted begin anew")
    {
        const Socket before = listed(0, 0, TcpPayload{9, 9});
        const Socket after = listed(0, 0, TcpPayload{12, 9});
        count(stepped, tcp_in_window(stepped, &lists.back(), &before));
        stepped.next_window();
        CHECK(tcp_in_window(stepped, &before, &after).rx_bytes == 3);
    }
}

TEST_CASE("tcp window: one that closed is whole, one that was reset or vanished may have left bytes")
{
    PacketFlow closed = flow(100, 50);
    closed.tx.tcp_flags = TcpHeader::fin | TcpHeader::ack;
    CHECK_FALSE(tcp_in_window(closed, nullptr, nullptr).ended_unread);
    closed.rx.tcp_flags = TcpHeader::rst;
    CHECK(tcp_in_window(closed, nullptr, nullptr).ended_unread);
    CHECK(tcp_in_window(flow(100, 50), nullptr, nullptr).ended_unread);
    PacketFlow refused = flow(0, 0);
    refused.rx.tcp_flags = TcpHeader::rst;
    CHECK_FALSE(tcp_in_window(refused, nullptr, nullptr).ended_unread);
    const Socket first = listed(40, 0);
    CHECK(tcp_in_window(refused, &first, nullptr).ended_unread);
    CHECK(tcp_in_window(refused, &first, nullptr).rx_bytes == 40);
    PacketFlow counted = flow(40, 0); // a reset connection whose bytes were read before
    counted.rx.tcp_flags = TcpHeader::rst;
    counted.rx.carried = -40;
    CHECK_FALSE(tcp_in_window(counted, nullptr, nullptr).ended_unread);
}

TEST_CASE("tcp window: half-closed, then closed with bytes that nobody read: the reset tells")
{
    PacketFlow half = flow(100, 50);
    half.tx.tcp_flags = TcpHeader::fin | TcpHeader::ack;
    CHECK_FALSE(tcp_in_window(half, nullptr, nullptr).ended_unread);
    half.tx.tcp_flags |= TcpHeader::rst;
    CHECK(tcp_in_window(half, nullptr, nullptr).ended_unread);
}

TEST_CASE("tcp window: all that a connection of a new namespace moved before its packets were kept")
{
    FlowTable table;
    const Tuple tuple{Protocol::tcp, endpoint("10.0.0.1", 1000), endpoint("10.0.0.2", 2000)};
    table.adopt(tuple, 500, 700);
    const auto fresh = table.take_new();
    REQUIRE(fresh.size() == 1);
    PacketFlow& adopted = *fresh.front();
    CHECK(adopted.tuple == tuple);
    const Socket first = listed(10, 20, TcpPayload{}); // as it is when nothing counts as moved before
    SUBCASE("by the kernel's counters")
    {
        const Socket last = listed(0, 0, TcpPayload{540, 700});
        const TcpMoved window = tcp_in_window(adopted, &first, &last);
        CHECK(window.rx_bytes == 540);
        CHECK(window.tx_bytes == 700);
    }
    SUBCASE("and by packets, where it ended")
    {
        adopted.rx.payload_bytes = 30;
        adopted.tx.payload_bytes = 20; // they had waited to be sent
        const TcpMoved window = tcp_in_window(adopted, &first, nullptr);
        CHECK(window.rx_bytes == 540);
        CHECK(window.tx_bytes == 700);
    }
}
