// SPDX-License-Identifier: MIT
#include "model/address.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace socktally;
using socktally::test::address;

namespace {

Address from(std::vector<int> values)
{
    std::vector<std::byte> bytes;
    for (const int value : values)
        bytes.push_back(static_cast<std::byte>(value));
    return Address::from_bytes(bytes);
}

std::string prefix_text(std::string_view text)
{
    const auto prefix = parse_prefix(text);
    return prefix ? to_string(prefix->address) + "/" + std::to_string(prefix->length) : "refused";
}

bool covers(std::string_view prefix, std::string_view text)
{
    return parse_prefix(prefix).value().contains(address(text));
}

} // namespace

TEST_CASE("an address comes from 4 or 16 bytes and from nothing else")
{
    CHECK(to_string(from({10, 0, 0, 1})) == "10.0.0.1");
    CHECK(to_string(from({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})) == "fe80::1");
    CHECK(from({}).family == Family::none);
    CHECK(from({1, 2, 3}).family == Family::none);
    CHECK(from({1, 2, 3, 4, 5}).family == Family::none);
    CHECK(to_string(Address{}) == "");
}

TEST_CASE("an IPv4-mapped address is the IPv4 address")
{
    CHECK(from({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 1, 2}) == from({192, 168, 1, 2}));
    CHECK(address("::ffff:192.168.1.2") == address("192.168.1.2"));
    CHECK(address("::fffe:c0a8:102").family == Family::v6);
    CHECK(from({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 192, 168, 1, 2}).family == Family::v6);
}

TEST_CASE("text that is no address is refused")
{
    for (const std::string_view text : {"", " ", "10.0.0", "10.0.0.256", "10.0.0.1 ", "010.0.0.1", "10.0.0.1:80",
                                        "[::1]", "fe80::1%eth0", "::1::", "localhost", "1", "0x7f.0.0.1", "10.0.0.0/8"})
        CHECK_MESSAGE(!parse_address(text), text);
    CHECK(!parse_address(std::string_view("10.0.0.1\0", 9)));
    CHECK(!parse_address(std::string_view("10.0.0.1\0junk", 13)));
    CHECK(!parse_address(std::string(100000, '1')));
}

TEST_CASE("unspecified and loopback")
{
    CHECK(Address{}.is_unspecified());
    CHECK(address("0.0.0.0").is_unspecified());
    CHECK(address("::").is_unspecified());
    CHECK_FALSE(address("0.0.0.1").is_unspecified());
    CHECK(address("127.0.0.1").is_loopback());
    CHECK(address("127.255.0.9").is_loopback());
    CHECK(address("::1").is_loopback());
    CHECK(address("::ffff:127.0.0.1").is_loopback());
    CHECK_FALSE(address("128.0.0.1").is_loopback());
    CHECK_FALSE(address("::2").is_loopback());
    CHECK_FALSE(address("1::1").is_loopback());
    CHECK_FALSE(Address{}.is_loopback());
}

TEST_CASE("a prefix is an address with or without a length, its other bits cleared")
{
    CHECK(prefix_text("10.1.2.3/8") == "10.0.0.0/8");
    CHECK(prefix_text("10.1.2.3") == "10.1.2.3/32");
    CHECK(prefix_text("192.168.255.255/23") == "192.168.254.0/23");
    CHECK(prefix_text("0.0.0.0/0") == "0.0.0.0/0");
    CHECK(prefix_text("255.255.255.255/0") == "0.0.0.0/0");
    CHECK(prefix_text("2001:db8::1") == "2001:db8::1/128");
    CHECK(prefix_text("2001:db8:ffff::/33") == "2001:db8:8000::/33");
    CHECK(prefix_text("::/0") == "::/0");
    CHECK(prefix_text("::ffff:10.1.2.3/104") == "10.0.0.0/8");
    CHECK(prefix_text("::ffff:10.1.2.3") == "10.1.2.3/32");
    CHECK(prefix_text("::ffff:0.0.0.0/96") == "0.0.0.0/0");
}

TEST_CASE("text that is no prefix is refused")
{
    for (const std::string_view text :
         {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8/8",
          "10.0.0.0/8x", "10.0.0.0/99999999999999999999", "::/129", "10/8", "::ffff:10.0.0.0/95"})
        CHECK_MESSAGE(prefix_text(text) == "refused", text);
}

TEST_CASE("a prefix contains the addresses of its family that share its bits")
{
    CHECK(covers("10.0.0.0/8", "10.255.255.255"));
    CHECK_FALSE(covers("10.0.0.0/8", "11.0.0.0"));
    CHECK(covers("192.168.254.0/23", "192.168.255.1"));
    CHECK_FALSE(covers("192.168.254.0/23", "192.168.253.255"));
    CHECK(covers("10.0.0.1", "10.0.0.1"));
    CHECK_FALSE(covers("10.0.0.1", "10.0.0.0"));
    CHECK(covers("0.0.0.0/0", "203.0.113.9"));
    CHECK(covers("10.0.0.0/8", "::ffff:10.0.0.1"));
    CHECK_FALSE(covers("0.0.0.0/0", "2001:db8::1"));
    CHECK_FALSE(covers("::/0", "10.0.0.1"));
    CHECK(covers("::/0", "2001:db8::1"));
    CHECK(covers("2001:db8::1/128", "2001:db8::1"));
    CHECK_FALSE(covers("2001:db8::1/128", "2001:db8::2"));
    CHECK(covers("2001:db8::/33", "2001:db8:7fff::"));
    CHECK_FALSE(covers("2001:db8::/33", "2001:db8:8000::"));
    CHECK_FALSE(parse_prefix("0.0.0.0/0")->contains(Address{}));
    CHECK_FALSE(Prefix{}.contains(Address{}));
}
