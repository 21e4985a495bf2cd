// SPDX-License-Identifier: MIT
#include "traffic/packet/frame.hpp"

#include "unit/build_sample.hpp"
#include "unit/frame_bytes.hpp"

#include <doctest/doctest.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <memory>
#include <utility>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr int tcp_ack = 0x10;

/// The whole frame was captured.
Verdict parse(const Bytes& frame, Packet& packet, LinkLayer link = LinkLayer::ethernet)
{
    return parse_frame({frame, frame.size(), link}, packet);
}

Packet parsed(const Bytes& frame, LinkLayer link = LinkLayer::ethernet)
{
    Packet packet;
    REQUIRE(parse(frame, packet, link) == Verdict::packet);
    return packet;
}

Verdict verdict(const Bytes& frame, LinkLayer link = LinkLayer::ethernet)
{
    Packet packet;
    return parse(frame, packet, link);
}

} // namespace

TEST_CASE("frame: TCP over IPv4 with options in both headers, and Ethernet's padding behind it")
{
    const Packet packet = parsed(ethernet(ETH_P_IP, ipv4(IPPROTO_TCP, tcp(0xfffffffe, 0x18, 5, 12), 0, 8)) + zeros(7));
    CHECK(packet.protocol == Protocol::tcp);
    CHECK(packet.source == endpoint("10.0.0.1", 1000));
    CHECK(packet.destination == endpoint("10.0.0.2", 2000));
    CHECK(packet.ip_bytes == 20 + 8 + 20 + 12 + 5);
    CHECK(packet.payload_bytes == 5);
    CHECK(packet.header_bytes == 32);
    CHECK(packet.tcp.sequence == 0xfffffffe);
    CHECK(packet.tcp.flags == 0x18);
    CHECK_FALSE(packet.fragment);
}

TEST_CASE("frame: UDP over IPv6, on Ethernet and without a link layer")
{
    const Bytes ip = ipv6(IPPROTO_UDP, udp(100));
    for (const Packet& packet : {parsed(ethernet(ETH_P_IPV6, ip)), parsed(ip, LinkLayer::none)}) {
        CHECK(packet.protocol == Protocol::udp);
        CHECK(packet.source == endpoint("fd00::1", 1000));
        CHECK(packet.destination == endpoint("fd00::2", 2000));
        CHECK(packet.ip_bytes == 148);
        CHECK(packet.payload_bytes == 100);
    }
}

TEST_CASE("frame: VLAN tags, one and two, and more than anybody has")
{
    const Bytes ip = ipv4(IPPROTO_UDP, udp(9));
    CHECK(parsed(ethernet(ETH_P_8021Q, vlan(ETH_P_IP, ip))).payload_bytes == 9);
    CHECK(parsed(ethernet(ETH_P_8021AD, vlan(ETH_P_8021Q, vlan(ETH_P_IP, ip)))).payload_bytes == 9);
    CHECK(parsed(ethernet(ETH_P_8021Q, vlan(ETH_P_IP, ip))).is_tagged);
    CHECK(parsed(ethernet(ETH_P_8021Q, number16(0) + number16(ETH_P_8021Q) + vlan(ETH_P_IP, ip))).is_tagged);
    CHECK_FALSE(parsed(ethernet(ETH_P_8021Q, number16(0xe000) + number16(ETH_P_IP) + ip)).is_tagged); // a priority
    CHECK_FALSE(parsed(ethernet(ETH_P_IP, ip)).is_tagged);
    Bytes many = vlan(ETH_P_IP, ip);
    for (int tags = 0; tags < 5; ++tags) {
        many = vlan(ETH_P_8021Q, many);
    }
    CHECK(verdict(ethernet(ETH_P_8021Q, many)) == Verdict::cut);
}

TEST_CASE("frame: chains of extension headers, and AH in IPv4")
{
    const Bytes chain = extension(
        IPPROTO_ROUTING, 1,
        extension(IPPROTO_DSTOPTS, 2,
                  extension(IPPROTO_AH, 0, authentication(135, 4, extension(IPPROTO_TCP, 0, tcp(7, tcp_ack, 33))))));
    const Packet packet = parsed(ethernet(ETH_P_IPV6, ipv6(IPPROTO_HOPOPTS, chain)));
    CHECK(packet.payload_bytes == 33);
    CHECK(packet.tcp.sequence == 7);
    CHECK(packet.ip_bytes == 40 + 16 + 24 + 8 + 24 + 8 + 20 + 33);

    CHECK(parsed(ethernet(ETH_P_IP, ipv4(IPPROTO_AH, authentication(IPPROTO_UDP, 4, udp(3))))).payload_bytes == 3);

    Bytes endless = udp(1);
    for (int headers = 0; headers < 20; ++headers) {
        endless = extension(headers == 0 ? int{IPPROTO_UDP} : int{IPPROTO_DSTOPTS}, 0, endless);
    }
    CHECK(verdict(ethernet(ETH_P_IPV6, ipv6(IPPROTO_DSTOPTS, endless))) == Verdict::cut);
}

TEST_CASE("frame: fragments, the first with ports and later ones without")
{
    const Packet first = parsed(ethernet(ETH_P_IP, ipv4(IPPROTO_UDP, udp(1472), 0x2000)));
    REQUIRE(first.fragment);
    CHECK(first.fragment->id == 77);
    CHECK(first.fragment->more);
    CHECK_FALSE(first.is_later_fragment());
    CHECK(first.payload_bytes == 1472);
    CHECK(first.source.port == 1000);

    const Packet later = parsed(ethernet(ETH_P_IP, ipv4(IPPROTO_UDP, zeros(500), 185)));
    CHECK(later.is_later_fragment());
    CHECK(later.fragment->offset == 1480);
    CHECK_FALSE(later.fragment->more);
    CHECK(later.payload_bytes == 500);
    CHECK(later.source.port == 0);

    const Bytes atomic = fragment6(IPPROTO_UDP, 0, 5, udp(10));
    CHECK_FALSE(parsed(ethernet(ETH_P_IPV6, ipv6(IPPROTO_FRAGMENT, atomic))).fragment);
    const Bytes last = fragment6(IPPROTO_TCP, 8, 0x12345678, zeros(3));
    const Packet later6 = parsed(ethernet(ETH_P_IPV6, ipv6(IPPROTO_FRAGMENT, last)));
    CHECK(later6.protocol == Protocol::tcp);
    CHECK(later6.fragment->id == 0x12345678);
    CHECK(later6.payload_bytes == 3);
}

TEST_CASE("frame: the first fragment of a datagram that is longer than it")
{
    Bytes datagram = udp(1472);
    datagram[4] = std::byte{0x20}; // 8 KiB and some
    CHECK(parsed(ethernet(ETH_P_IP, ipv4(IPPROTO_UDP, datagram, 0x2000))).payload_bytes == 1472);
    CHECK(verdict(ethernet(ETH_P_IP, ipv4(IPPROTO_UDP, datagram))) == Verdict::malformed);
}

TEST_CASE("frame: superpackets are as long as the frame where the length fields cannot say it")
{
    constexpr std::size_t big = 200'000;
    Packet packet;
    Bytes v4 = ethernet(ETH_P_IP, ipv4(IPPROTO_TCP, tcp(1, tcp_ack, 0)));
    v4[16] = v4[17] = std::byte{0};
    REQUIRE(parse_frame({v4, 54 + big, LinkLayer::ethernet}, packet) == Verdict::packet);
    CHECK(packet.payload_bytes == big);
    CHECK(packet.ip_bytes == 40 + big);

    Bytes v6 = ethernet(ETH_P_IPV6, ipv6(IPPROTO_HOPOPTS, extension(IPPROTO_TCP, 0, tcp(1, tcp_ack, 0))));
    v6[18] = v6[19] = std::byte{0};
    REQUIRE(parse_frame({v6, 14 + 40 + 8 + 20 + big, LinkLayer::ethernet}, packet) == Verdict::packet);
    CHECK(packet.payload_bytes == big);
}

TEST_CASE("frame: what is neither TCP nor UDP is nobody's mistake")
{
    CHECK(verdict(ethernet(ETH_P_ARP, zeros(28))) == Verdict::other);
    CHECK(verdict(ethernet(ETH_P_IP, ipv4(IPPROTO_ICMP, zeros(8)))) == Verdict::other);
    CHECK(verdict(ethernet(ETH_P_IPV6, ipv6(IPPROTO_NONE, {}))) == Verdict::other);
    CHECK(verdict(bytes({0x02, 0, 0}), LinkLayer::none) == Verdict::other);
}

TEST_CASE("frame: lengths that do not fit are malformed")
{
    const auto changed = [](Bytes frame, std::size_t at, int value) {
        frame[at] = static_cast<std::byte>(value);
        return frame;
    };
    const Bytes v4 = ethernet(ETH_P_IP, ipv4(IPPROTO_TCP, tcp(1, tcp_ack, 10)));
    REQUIRE(verdict(v4) == Verdict::packet);
    CHECK(verdict(changed(v4, 14, 0x44)) == Verdict::malformed); // an IP header of 16 bytes
    CHECK(verdict(changed(v4, 14, 0x4f)) == Verdict::malformed); // one of 60: no TCP header left
    CHECK(verdict(changed(v4, 14, 0x55)) == Verdict::malformed); // version 5
    CHECK(verdict(changed(v4, 17, 255)) == Verdict::malformed);  // longer than the frame
    CHECK(verdict(changed(v4, 17, 19)) == Verdict::malformed);   // shorter than its header
    CHECK(verdict(changed(v4, 46, 0x40)) == Verdict::malformed); // a TCP header of 16 bytes
    CHECK(verdict(changed(v4, 46, 0xf0)) == Verdict::malformed); // one of 60
    const Bytes v6 = ethernet(ETH_P_IPV6, ipv6(IPPROTO_UDP, udp(10)));
    CHECK(verdict(changed(v6, 19, 19)) == Verdict::malformed); // longer than the frame
    CHECK(verdict(changed(v6, 19, 7)) == Verdict::malformed);
    CHECK(verdict(changed(v6, 59, 7)) == Verdict::malformed); // UDP shorter than its header
    CHECK(verdict(changed(v6, 59, 0)) == Verdict::packet);    // a jumbogram's
    CHECK(verdict(changed(ethernet(ETH_P_IP, ipv4(IPPROTO_UDP, udp(10))), 39, 0)) == Verdict::malformed);
    const Bytes extended = ethernet(ETH_P_IPV6, ipv6(IPPROTO_DSTOPTS, extension(IPPROTO_UDP, 0, udp(10))));
    CHECK(verdict(changed(extended, 55, 200)) == Verdict::malformed);
}

TEST_CASE("frame: cut anywhere, it is never read past its end and never taken for whole")
{
    struct Case {
        Bytes frame;
        std::size_t headers; // what has to be there
        LinkLayer link = LinkLayer::ethernet;
    };
    const Bytes chain = extension(IPPROTO_AH, 1, authentication(IPPROTO_TCP, 4, tcp(1, tcp_ack, 20, 8)));
    const Case cases[] = {
        {ethernet(ETH_P_IP, ipv4(IPPROTO_TCP, tcp(1, tcp_ack, 20, 8), 0, 12)), 14 + 32 + 14},
        {ethernet(ETH_P_IP, ipv4(IPPROTO_UDP, udp(20))), 14 + 20 + 8},
        {ethernet(ETH_P_8021AD, vlan(ETH_P_8021Q, vlan(ETH_P_IPV6, ipv6(IPPROTO_UDP, udp(20))))), 22 + 40 + 8},
        {ethernet(ETH_P_IPV6, ipv6(IPPROTO_HOPOPTS, chain)), 14 + 40 + 16 + 24 + 14},
        {ethernet(ETH_P_IPV6, ipv6(IPPROTO_FRAGMENT, fragment6(IPPROTO_UDP, 8, 1, zeros(20)))), 14 + 40 + 8},
        {ipv4(IPPROTO_UDP, udp(20)), 28, LinkLayer::none},
    };
    for (const Case& each : cases) {
        for (std::size_t length = 0; length < each.frame.size(); ++length) {
            const auto copy = std::make_unique<std::byte[]>(length); // for the sanitizer
            std::copy_n(each.frame.begin(), length, copy.get());
            Packet packet;
            const std::span<const std::byte> captured(copy.get(), length);
            CAPTURE(length);
            CHECK(parse_frame({captured, each.frame.size(), each.link}, packet) ==
                  (length < each.headers ? Verdict::cut : Verdict::packet));
            CHECK(parse_frame({captured, length, each.link}, packet) == Verdict::malformed);
        }
    }
}
