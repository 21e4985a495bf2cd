// SPDX-License-Identifier: MIT
#include "backend/packet/tcp_window.hpp"

#include "build_sample.hpp"

#include <doctest/doctest.h>

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

ListedSocket listed(std::uint32_t queued, std::optional<std::uint32_t> unsent,
                    std::optional<TcpPayload> payload = std::nullopt, std::uint64_t cookie = 1)
{
    ListedSocket socket;
    socket.cookie = Cookie{cookie};
    socket.inode = Inode{7};
    socket.queued = queued;
    socket.unsent = unsent;
    socket.payload = payload;
    return socket;
}

} // namespace

TEST_CASE("tcp window: the kernel's counters at both ends, whatever packets show")
{
    const ListedSocket first = listed(0, 0, TcpPayload{1000, 5000});
    const ListedSocket last = listed(0, 0, TcpPayload{1700, 5001});
    const TcpWindow window = tcp_in_window(flow(90, 80), &first, &last);
    CHECK(window.rx_bytes == 700);
    CHECK(window.tx_bytes == 1);
    PacketFlow again = flow(90, 80);
    again.rx.earlier_bytes = 600; // counted for a flow that a forged SYN ended
    CHECK(tcp_in_window(again, &first, &last).rx_bytes == 100);
}

TEST_CASE("tcp window: of a connection that began in it, all that was ever moved; not where only the peer says SYN")
{
    const ListedSocket last = listed(0, 0, TcpPayload{1700, 5001}, 2);
    const ListedSocket first = listed(9, 9, TcpPayload{1000, 5000}, 1);
    PacketFlow began = flow(90, 80);
    began.tx.tcp_flags = TcpHeader::syn;
    CHECK(tcp_in_window(began, &first, &last).rx_bytes == 1700);
    PacketFlow forged = flow(90, 80);
    forged.rx.tcp_flags = TcpHeader::syn;
    CHECK(tcp_in_window(forged, nullptr, &last).rx_bytes == 90);
}

TEST_CASE("tcp window: packets and queues where there are no counters")
{
    const ListedSocket first = listed(10, 0, std::nullopt, 0);
    const ListedSocket last = listed(30, 0, std::nullopt, 0);
    const TcpWindow window = tcp_in_window(flow(100, 50), &first, &last);
    CHECK(window.rx_bytes == 80);
    CHECK(window.tx_bytes == 50);
    CHECK_FALSE(window.unsent_unknown);
    const ListedSocket sending = listed(0, std::nullopt, std::nullopt, 0);
    CHECK(tcp_in_window(flow(100, 50), &first, &sending).unsent_unknown);
    const ListedSocket reset = listed(0, 0, TcpPayload{1, 1}); // counters that began anew
    const ListedSocket before = listed(0, 0, TcpPayload{5, 5});
    CHECK(tcp_in_window(flow(100, 50), &before, &reset).rx_bytes == 100);
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
    const ListedSocket first = listed(40, 0);
    CHECK(tcp_in_window(refused, &first, nullptr).ended_unread);
    CHECK(tcp_in_window(refused, &first, nullptr).rx_bytes == 40);
}
