// SPDX-License-Identifier: MIT
#include "traffic/packet/reassembly.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace socktally;

namespace {

constexpr std::uint8_t ack = TcpHeader::ack;

std::uint64_t add(SequenceSpace& space, std::uint32_t sequence, std::uint32_t bytes, std::uint8_t flags = ack)
{
    return space.add({sequence, flags}, bytes);
}

} // namespace

TEST_CASE("sequence: SYN and FIN are no payload")
{
    SequenceSpace space;
    CHECK(add(space, 999, 0, TcpHeader::syn) == 0);
    CHECK(add(space, 1000, 10) == 10);
    CHECK(add(space, 1010, 5, TcpHeader::fin | ack) == 5);
    CHECK(add(space, 1016, 0) == 0);
    CHECK(add(space, 1010, 5, TcpHeader::fin | ack) == 0);
}

TEST_CASE("sequence: a connection that was there before begins where it is first seen")
{
    SequenceSpace space;
    CHECK(add(space, 5000, 100) == 100);
    CHECK(add(space, 4900, 100) == 0); // from before
    CHECK(add(space, 4950, 200) == 50);
    SequenceSpace quiet;
    CHECK(add(quiet, 5000, 0) == 0); // only an acknowledgement
    CHECK(add(quiet, 5000, 100) == 100);
}

TEST_CASE("sequence: what is sent again counts once, whole, in part, or in other cuts")
{
    SequenceSpace space;
    CHECK(add(space, 0, 1000) == 1000);
    CHECK(add(space, 0, 1000) == 0);
    CHECK(add(space, 500, 1000) == 500);
    CHECK(add(space, 100, 200) == 0);
    CHECK(add(space, 0, 2000) == 500);
}

TEST_CASE("sequence: a hole that is filled later counts once")
{
    SequenceSpace space;
    CHECK(add(space, 0, 100) == 100);
    CHECK(add(space, 300, 100) == 100);
    CHECK(add(space, 500, 100) == 100);
    CHECK(add(space, 350, 100) == 50); // the middle of the second hole on one side
    CHECK(add(space, 470, 10) == 10);  // and its inside
    CHECK(add(space, 470, 10) == 0);
    CHECK(add(space, 0, 600) == 200 + 20 + 20);
    CHECK(add(space, 0, 600) == 0);
    CHECK(space.forgotten() == 0);
}

TEST_CASE("sequence: round the end of the numbers")
{
    SequenceSpace space;
    CHECK(add(space, 0xffffff00, 0x80) == 0x80);
    CHECK(add(space, 0x00000000, 0x100) == 0x100); // skips the last 0x80
    CHECK(add(space, 0xffffff80, 0x80) == 0x80);
    CHECK(add(space, 0xffffff00, 0x200) == 0);
    CHECK(add(space, 0x100, 1) == 1);
    SequenceSpace syn;
    CHECK(add(syn, 0xffffffff, 0, TcpHeader::syn) == 0);
    CHECK(add(syn, 0, 7) == 7);
}

TEST_CASE("sequence: many times round")
{
    SequenceSpace space;
    constexpr std::uint32_t step = 1U << 29;
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < 100; ++i) {
        sum += add(space, 123 + i * step, step);
        sum += add(space, 123 + i * step, step);
    }
    CHECK(sum == 100 * std::uint64_t{step});
}

TEST_CASE("sequence: probes carry nothing new")
{
    SequenceSpace space;
    CHECK(add(space, 0, 100) == 100);
    CHECK(add(space, 99, 1) == 0);  // keep-alive with a byte
    CHECK(add(space, 99, 0) == 0);  // and without
    CHECK(add(space, 100, 1) == 1); // into a window of 0: it is the next byte
    CHECK(add(space, 100, 50) == 49);
}

TEST_CASE("sequence: a tuple that is used again begins anew, a SYN that is sent again does not")
{
    SequenceSpace space;
    add(space, 99, 0, TcpHeader::syn);
    CHECK(add(space, 100, 50) == 50);
    add(space, 99, 0, TcpHeader::syn);
    CHECK(add(space, 100, 50) == 0);
    add(space, 7'000'000, 0, TcpHeader::syn);
    CHECK(add(space, 7'000'001, 50) == 50);
    CHECK(add(space, 5'999'999, 0, TcpHeader::syn) == 0);
    CHECK(add(space, 6'000'000, 20) == 20);
    CHECK(add(space, 99, 30, TcpHeader::syn) == 30); // with data (TCP Fast Open)
    CHECK(add(space, 100, 40) == 10);
}

TEST_CASE("sequence: what no window has room for, and what a reset says, is not counted")
{
    SequenceSpace space;
    CHECK(add(space, 0, 100) == 100);
    CHECK(add(space, 0x70000000, 100) == 0);
    CHECK(add(space, 100, 20, TcpHeader::rst) == 0);
    CHECK(add(space, 100, 20) == 20);
}

TEST_CASE("sequence: segments in any order, many of them repeated, are as many bytes as the stream has")
{
    std::minstd_rand random(1);
    for (int round = 0; round < 50; ++round) {
        constexpr std::uint32_t segments = 400;
        std::vector<std::uint32_t> order;
        for (std::uint32_t i = 1; i < segments; ++i) {
            order.insert(order.end(), 1 + random() % 3, i);
        }
        std::shuffle(order.begin(), order.end(), random);
        const auto base = static_cast<std::uint32_t>(random() * 2);
        SequenceSpace space;
        std::uint64_t sum = add(space, base, 10);
        for (const std::uint32_t i : order) {
            sum += add(space, base + i * 10, i % 7 == 0 ? 15 : 10); // some reach into the next
        }
        CHECK(sum >= segments * 10);
        CHECK(sum <= segments * 10 + 5);
        CHECK(space.forgotten() == 0);
    }
}

TEST_CASE("sequence: more holes than there is room for are owned up to")
{
    SequenceSpace space;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        CHECK(add(space, i * 20, 10) == 10);
    }
    CHECK(space.forgotten() > 0);
    std::uint64_t filled = 0;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        filled += add(space, i * 20, 20);
    }
    CHECK(filled + std::uint64_t{space.forgotten()} * 10 == 10'000);
}
