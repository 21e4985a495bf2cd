// SPDX-License-Identifier: MIT
// The framing of netlink messages and attributes. Every cut is made in a buffer of its own, so that a sanitizer sees a
// read past it.
#include "linux/netlink_socket.hpp"
#include "unit/netlink_bytes.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace socktally::test;

TEST_CASE("messages are cut off a datagram one by one")
{
    Bytes datagram = message_bytes(20, 7, bytes_of("abc")); // 19 bytes, aligned to 20
    append(datagram, message_bytes(21, 8, {}));
    std::span<const std::byte> rest(datagram);
    NetlinkMessage message;
    REQUIRE(next_message(rest, message));
    CHECK(message.type == 20);
    CHECK(message.sequence == 7);
    CHECK(text_of(message.payload) == "abc");
    REQUIRE(next_message(rest, message));
    CHECK(message.type == 21);
    CHECK(message.payload.empty());
    CHECK_FALSE(next_message(rest, message));
    CHECK(rest.empty());
}

TEST_CASE("a datagram cut anywhere gives the whole messages before the cut and no other")
{
    Bytes datagram = message_bytes(20, 1, bytes_of("12345678"));
    append(datagram, message_bytes(21, 2, bytes_of("abcd")));
    for (std::size_t length = 0; length <= datagram.size(); ++length) {
        CAPTURE(length);
        const Bytes cut(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(length));
        std::span<const std::byte> rest(cut);
        NetlinkMessage message;
        std::size_t count = 0;
        while (next_message(rest, message)) {
            ++count;
        }
        CHECK(count == (length == 44 ? 2 : length >= 24 ? 1 : 0));
        CHECK(rest.empty());
    }
}

TEST_CASE("a message whose length is less than its header or more than the datagram ends it")
{
    for (const std::uint32_t length : {0U, 1U, 15U, 25U, 0x7fffffffU, 0xffffffffU}) {
        CAPTURE(length);
        Bytes datagram = message_bytes(20, 1, bytes_of("12345678"));
        put(datagram, 0, length);
        std::span<const std::byte> rest(datagram);
        NetlinkMessage message;
        CHECK_FALSE(next_message(rest, message));
        CHECK(rest.empty());
    }
}

TEST_CASE("the padding behind the last message may be missing")
{
    const Bytes datagram = message_bytes(20, 1, bytes_of("abc"), Padding::none);
    REQUIRE(datagram.size() == 19);
    std::span<const std::byte> rest(datagram);
    NetlinkMessage message;
    REQUIRE(next_message(rest, message));
    CHECK(text_of(message.payload) == "abc");
    CHECK(rest.empty());
}

TEST_CASE("attributes are cut off one by one; the flag bits of the type are no part of it")
{
    Bytes bytes = attribute_bytes(2, bytes_of("abcde"));
    append(bytes, attribute_bytes(static_cast<std::uint16_t>(3 | 0x8000 | 0x4000), bytes_of("")));
    std::span<const std::byte> rest(bytes);
    NetlinkAttribute attribute;
    REQUIRE(next_attribute(rest, attribute));
    CHECK(attribute.type == 2);
    CHECK(text_of(attribute.payload) == "abcde");
    REQUIRE(next_attribute(rest, attribute));
    CHECK(attribute.type == 3);
    CHECK(attribute.payload.empty());
    CHECK_FALSE(next_attribute(rest, attribute));
}

TEST_CASE("an attribute cut anywhere or of a senseless length ends them")
{
    const Bytes whole = attribute_bytes(2, bytes_of("12345678"));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CAPTURE(length);
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        std::span<const std::byte> rest(cut);
        NetlinkAttribute attribute;
        CHECK_FALSE(next_attribute(rest, attribute));
        CHECK(rest.empty());
    }
    for (const int senseless : {0, 1, 3, 13, 0xffff}) {
        const auto length = static_cast<std::uint16_t>(senseless);
        CAPTURE(length);
        Bytes bytes = whole;
        put(bytes, 0, length);
        std::span<const std::byte> rest(bytes);
        NetlinkAttribute attribute;
        CHECK_FALSE(next_attribute(rest, attribute));
        CHECK(rest.empty());
    }
}
