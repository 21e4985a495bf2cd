// SPDX-License-Identifier: MIT
#include "sockets/sock_diag.hpp"
#include "unit/netlink_bytes.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>

using namespace socktally;
using namespace socktally::test;

namespace {

Bytes info_attribute(std::size_t size = sizeof(tcp_info))
{
    Bytes info = value_bytes(diag_info());
    info.resize(size, std::byte{0xee});
    return attribute_bytes(INET_DIAG_INFO, info);
}

Bytes protocol_attribute(std::uint8_t number) { return attribute_bytes(INET_DIAG_PROTOCOL, value_bytes(number)); }

inet_diag_msg v6_header(std::string_view local, std::string_view remote)
{
    inet_diag_msg message = diag_header();
    message.idiag_family = AF_INET6;
    REQUIRE(::inet_pton(AF_INET6, std::string(local).c_str(), message.id.idiag_src) == 1);
    REQUIRE(::inet_pton(AF_INET6, std::string(remote).c_str(), message.id.idiag_dst) == 1);
    return message;
}

} // namespace

TEST_CASE("a diag message gives tuple, identity, queues and counters")
{
    const auto socket = parse_diag(diag_bytes(diag_header(), info_attribute()), Protocol::tcp);
    REQUIRE(socket);
    CHECK(socket->tuple.protocol == Protocol::tcp);
    CHECK(to_string(socket->tuple.local.address) == "10.0.0.1");
    CHECK(socket->tuple.local.port == 40000);
    CHECK(to_string(socket->tuple.remote.address) == "10.0.0.2");
    CHECK(socket->tuple.remote.port == 443);
    CHECK(socket->cookie.value == 0x0123456789abcdef);
    CHECK(socket->inode.value == 4711);
    CHECK(socket->uid == Uid{1000});
    CHECK(socket->interface == 5);
    CHECK(socket->state == TcpState::established);
    CHECK(socket->rqueue == 11);
    CHECK(socket->wqueue == 22);
    REQUIRE(socket->tcp);
    CHECK(socket->tcp->bytes_acked == 1001);
    CHECK(socket->tcp->bytes_received == 500);
    CHECK(socket->tcp->segs_out == 31);
    CHECK(socket->tcp->segs_in == 32);
    CHECK(socket->tcp->data_segs_in == 33);
    CHECK(socket->tcp->notsent_bytes == 34);
    CHECK(socket->tcp->idle_ms == 35); // the least of the three
    REQUIRE(socket->tcp->sent);
    CHECK(socket->tcp->sent->bytes_sent == 1300);
    CHECK(socket->tcp->sent->bytes_retrans == 300);
}

TEST_CASE("v6 addresses are v6, mapped ones are v4")
{
    const auto v6 = parse_diag(diag_bytes(v6_header("2001:db8::1", "fe80::2")), Protocol::tcp);
    REQUIRE(v6);
    CHECK(to_string(v6->tuple.local.address) == "2001:db8::1");
    CHECK(to_string(v6->tuple.remote.address) == "fe80::2");
    const auto mapped = parse_diag(diag_bytes(v6_header("::ffff:10.0.0.1", "::ffff:10.0.0.2")), Protocol::tcp);
    REQUIRE(mapped);
    CHECK(mapped->tuple.local.address.family == Family::v4);
    CHECK(mapped->tuple == parse_diag(diag_bytes(diag_header()), Protocol::tcp)->tuple);
}

TEST_CASE("a v4 message has four bytes of address, whatever stands behind them")
{
    inet_diag_msg message = diag_header();
    message.id.idiag_src[1] = message.id.idiag_src[3] = message.id.idiag_dst[2] = 0xdeadbeef;
    CHECK(parse_diag(diag_bytes(message), Protocol::tcp)->tuple ==
          parse_diag(diag_bytes(diag_header()), Protocol::tcp)->tuple);
}

TEST_CASE("a socket that is not connected has no remote end; a connected one has")
{
    inet_diag_msg message = diag_header();
    message.idiag_family = AF_INET;
    const auto connected = parse_diag(diag_bytes(message), Protocol::udp);
    message.id.idiag_dport = 0;
    message.id.idiag_dst[0] = 0;
    const auto unconnected = parse_diag(diag_bytes(message), Protocol::udp);
    REQUIRE(connected);
    REQUIRE(unconnected);
    CHECK(connected->tuple.remote.port == 443);
    CHECK(unconnected->tuple.remote == Endpoint{});
    CHECK(unconnected->tuple.local == connected->tuple.local);
}

TEST_CASE("other families are refused")
{
    for (const int family : {AF_UNSPEC, AF_UNIX, AF_NETLINK, 255}) {
        CAPTURE(family);
        inet_diag_msg message = diag_header();
        message.idiag_family = static_cast<std::uint8_t>(family);
        CHECK_FALSE(parse_diag(diag_bytes(message, info_attribute()), Protocol::tcp));
    }
}

TEST_CASE("a message cut inside its fixed part is refused; cut inside the counters it has none")
{
    Bytes whole = diag_bytes(diag_header(), protocol_attribute(IPPROTO_TCP));
    append(whole, info_attribute());
    for (std::size_t length = 0; length <= whole.size(); ++length) {
        CAPTURE(length);
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        const auto socket = parse_diag(cut, Protocol::tcp);
        CHECK(socket.has_value() == (length >= sizeof(inet_diag_msg)));
        CHECK((socket && socket->tcp) == (length == whole.size()));
    }
}

TEST_CASE("attributes come in any order among unknown ones, the protocol named last or not at all")
{
    const Bytes unknown = attribute_bytes(4095, bytes_of("whatever"));
    const Bytes congestion = attribute_bytes(INET_DIAG_CONG, bytes_of("cubic"));
    for (const auto& order : {std::vector{unknown, info_attribute(), protocol_attribute(IPPROTO_TCP), congestion},
                              std::vector{protocol_attribute(IPPROTO_TCP), congestion, info_attribute(), unknown},
                              std::vector{info_attribute(), unknown}}) {
        Bytes attributes;
        for (const Bytes& attribute : order) {
            append(attributes, attribute);
        }
        const auto socket = parse_diag(diag_bytes(diag_header(), attributes), Protocol::tcp);
        REQUIRE(socket);
        REQUIRE(socket->tcp);
        CHECK(socket->tcp->bytes_acked == 1001);
    }
}

TEST_CASE("the cgroup of a socket is a number of 64 bits or not told")
{
    const std::uint64_t id = 0x1'0000'0002;
    const Bytes told = attribute_bytes(INET_DIAG_CGROUP_ID, value_bytes(id));
    const Bytes cut = attribute_bytes(INET_DIAG_CGROUP_ID, value_bytes(std::uint32_t{7}));
    CHECK(parse_diag(diag_bytes(diag_header(), told), Protocol::tcp)->cgroup_id == id);
    CHECK(parse_diag(diag_bytes(diag_header(), told), Protocol::udp)->cgroup_id == id);
    CHECK(parse_diag(diag_bytes(diag_header(), cut), Protocol::tcp)->cgroup_id == 0);
    CHECK(parse_diag(diag_bytes(diag_header()), Protocol::tcp)->cgroup_id == 0);
}

TEST_CASE("a destroy event says itself which protocol it is of")
{
    for (const bool info_first : {false, true}) {
        Bytes attributes = info_first ? info_attribute() : protocol_attribute(IPPROTO_UDP);
        append(attributes, info_first ? protocol_attribute(IPPROTO_UDP) : info_attribute());
        const auto udp = parse_diag(diag_bytes(diag_header(), attributes), Protocol::tcp);
        REQUIRE(udp);
        CHECK(udp->tuple.protocol == Protocol::udp);
        CHECK_FALSE(udp->tcp);
    }
    CHECK_FALSE(parse_diag(diag_bytes(diag_header(), protocol_attribute(132)), Protocol::tcp)); // SCTP
    CHECK_FALSE(parse_diag(diag_bytes(diag_header(), protocol_attribute(255)), Protocol::tcp)); // raw
    CHECK(
        parse_diag(diag_bytes(diag_header(), attribute_bytes(INET_DIAG_PROTOCOL, {})), Protocol::tcp)); // says nothing
}

TEST_CASE("the counters of older and newer kernels: what is there is read, what is not there is not made up")
{
    const auto parse = [](std::size_t size) {
        return parse_diag(diag_bytes(diag_header(), info_attribute(size)), Protocol::tcp)->tcp;
    };
    constexpr std::size_t linux_4_2 = offsetof(tcp_info, tcpi_notsent_bytes);
    constexpr std::size_t linux_4_6 = offsetof(tcp_info, tcpi_delivery_rate);
    constexpr std::size_t linux_4_19 = offsetof(tcp_info, tcpi_bytes_retrans) + sizeof(tcp_info::tcpi_bytes_retrans);
    CHECK_FALSE(parse(0));
    CHECK_FALSE(parse(linux_4_2));
    CHECK_FALSE(parse(linux_4_6 - 1));
    REQUIRE(parse(linux_4_6));
    CHECK(parse(linux_4_6)->bytes_acked == 1001);
    CHECK(parse(linux_4_6)->data_segs_in == 33);
    CHECK_FALSE(parse(linux_4_6)->sent);
    CHECK_FALSE(parse(linux_4_19 - 1)->sent);
    REQUIRE(parse(linux_4_19)->sent);
    CHECK(parse(linux_4_19)->sent->bytes_retrans == 300);
    REQUIRE(parse(sizeof(tcp_info) + 64));
    CHECK(parse(sizeof(tcp_info) + 64)->bytes_acked == 1001);
}

TEST_CASE("a lookup asks for one socket by tuple and cookie, in the family of its address")
{
    const auto socket = parse_diag(diag_bytes(v6_header("2001:db8::1", "2001:db8::2")), Protocol::tcp);
    const auto request = tcp_lookup_request(socket->tuple, socket->cookie, 7);
    REQUIRE(request.size() == sizeof(nlmsghdr) + sizeof(inet_diag_req_v2));
    inet_diag_req_v2 body{};
    std::memcpy(&body, request.data() + sizeof(nlmsghdr), sizeof body);
    CHECK(body.sdiag_family == AF_INET6);
    CHECK(body.sdiag_protocol == IPPROTO_TCP);
    CHECK(body.id.idiag_if == 7);
    CHECK(ntohs(body.id.idiag_sport) == 40000);
    CHECK(ntohs(body.id.idiag_dport) == 443);
    CHECK(std::memcmp(body.id.idiag_src, socket->tuple.local.address.bytes.data(), 16) == 0);
    CHECK(std::memcmp(body.id.idiag_dst, socket->tuple.remote.address.bytes.data(), 16) == 0);
    CHECK(body.id.idiag_cookie[0] == 0x89abcdef);
    CHECK(body.id.idiag_cookie[1] == 0x01234567);
}
