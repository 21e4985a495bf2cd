// SPDX-License-Identifier: MIT
#include "traffic/packet/reassembly.hpp"

#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace socktally;
using namespace socktally::test;

namespace {

Packet fragment(std::uint32_t id, std::uint32_t offset, std::uint32_t payload, Protocol protocol = Protocol::udp)
{
    Packet packet;
    packet.protocol = protocol;
    packet.source = endpoint("10.0.0.1", offset == 0 ? 1000 : 0);
    packet.destination = endpoint("10.0.0.2", offset == 0 ? 2000 : 0);
    packet.payload_bytes = payload;
    packet.fragment = Fragment{id, offset, true};
    return packet;
}

struct Taken {
    Fragments fragments;
    std::vector<Packet> packets;
    void add(const Packet& packet)
    {
        fragments.add(packet, [this](const Packet& taken) { packets.push_back(taken); });
    }
};

} // namespace

TEST_CASE("fragments: later ones get the ports of the first")
{
    Taken taken;
    taken.add(fragment(1, 0, 1472));
    taken.add(fragment(1, 1480, 1480));
    REQUIRE(taken.packets.size() == 2);
    CHECK(taken.packets[1].source == endpoint("10.0.0.1", 1000));
    CHECK(taken.packets[1].destination == endpoint("10.0.0.2", 2000));
    CHECK(taken.packets[1].payload_bytes == 1480);
    CHECK(taken.fragments.unmatched() == 0);
}

TEST_CASE("fragments: those that come before the first wait for it")
{
    Taken taken;
    taken.add(fragment(1, 2960, 100));
    taken.add(fragment(1, 1480, 1480));
    CHECK(taken.packets.empty());
    CHECK(taken.fragments.unmatched() == 2);
    taken.add(fragment(1, 0, 1472));
    CHECK(taken.packets.size() == 3);
    CHECK(taken.packets[2].source.port == 1000);
    CHECK(taken.fragments.unmatched() == 0);
}

TEST_CASE("fragments: an id that is used again much later is another datagram's")
{
    Taken taken;
    taken.add(fragment(1, 0, 1472));
    Packet later = fragment(1, 1480, 1480);
    later.time = std::chrono::seconds(31);
    taken.add(later);
    CHECK(taken.packets.size() == 1);
    CHECK(taken.fragments.unmatched() == 1);
    Packet first = fragment(1, 0, 1472);
    first.source.port = 1001;
    first.time = later.time;
    taken.add(first);
    REQUIRE(taken.packets.size() == 3);
    CHECK(taken.packets[2].source.port == 1001);
}

TEST_CASE("fragments: another datagram, address or protocol has another first one")
{
    Taken taken;
    taken.add(fragment(1, 0, 10));
    taken.add(fragment(2, 8, 10));
    taken.add(fragment(1, 8, 10, Protocol::tcp));
    Packet back = fragment(1, 8, 10);
    std::swap(back.source, back.destination);
    taken.add(back);
    CHECK(taken.packets.size() == 1);
    CHECK(taken.fragments.unmatched() == 3);
}

TEST_CASE("fragments: of TCP have the sequence number of their first byte")
{
    Taken taken;
    Packet first = fragment(1, 0, 1460, Protocol::tcp);
    first.header_bytes = 20;
    first.tcp = {5000, TcpHeader::ack};
    taken.add(first);
    taken.add(fragment(1, 1480, 500, Protocol::tcp));
    REQUIRE(taken.packets.size() == 2);
    CHECK(taken.packets[1].tcp.sequence == 6460);
}

TEST_CASE("fragments: the table is bounded, and what it gives up is told")
{
    Taken taken;
    constexpr std::uint32_t many = 20'000;
    for (std::uint32_t id = 0; id < many; ++id) {
        taken.add(fragment(id, 8, 8));
    }
    CHECK(taken.fragments.unmatched() == many);
    taken.add(fragment(0, 0, 8));
    CHECK(taken.packets.size() == 1); // its later one is forgotten
    taken.add(fragment(many - 1, 0, 8));
    CHECK(taken.packets.size() == 3);
    CHECK(taken.fragments.unmatched() == many - 1);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        taken.add(fragment(many, 8, 8));
    }
    CHECK(taken.fragments.unmatched() == many - 1 + 1000);
}
