// SPDX-License-Identifier: MIT
#include "sockets/proc_net.hpp"
#include "unit/build_sample.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>

using namespace socktally;
using namespace socktally::test;

namespace {

/// An address as this machine's kernel prints it: words of its memory, in its own byte order.
std::string printed(const char* text)
{
    const bool is_v6 = std::string_view(text).find(':') != std::string_view::npos;
    std::array<std::uint32_t, 4> words{};
    REQUIRE(::inet_pton(is_v6 ? AF_INET6 : AF_INET, text, words.data()) == 1);
    std::string result;
    for (std::size_t i = 0; i < (is_v6 ? 4 : 1); ++i) {
        result += fmt::format("{:08X}", words.at(i));
    }
    return result;
}

/// The line of a socket as in /proc/net.
std::string line(const char* local, int local_port, const char* remote, int remote_port, int state, unsigned uid,
                 unsigned long inode)
{
    return fmt::format("   7: {}:{:04X} {}:{:04X} {:02X} 00000000:00000000 00:00000000 00000000 {:5}        0 {} 1 "
                       "0000000000000000 100 0 0 10 0",
                       printed(local), local_port, printed(remote), remote_port, state, uid, inode);
}

constexpr int established = 1;
constexpr int fin_wait1 = 4;
constexpr int time_wait = 6;
constexpr int closed = 7;
constexpr int listening = 10;

} // namespace

TEST_CASE("a line of /proc/net/tcp")
{
    const auto socket =
        parse_inet_socket(line("10.0.0.1", 443, "192.0.2.77", 40000, established, 1000, 123456), Protocol::tcp);
    REQUIRE(socket);
    CHECK(socket->tuple == Tuple{Protocol::tcp, endpoint("10.0.0.1", 443), endpoint("192.0.2.77", 40000)});
    CHECK(socket->family == Family::v4);
    CHECK(socket->inode == Inode{123456});
    CHECK(socket->uid == Uid{1000});
    CHECK(socket->state == TcpState::established);
}

TEST_CASE("the text of a little-endian kernel")
{
    if constexpr (std::endian::native == std::endian::little) {
        const auto socket = parse_inet_socket(
            "   1: 0100007F:1F90 0200000A:9C40 01 00000000:00000000 00:00000000 00000000     0        0 42 1 x",
            Protocol::tcp);
        REQUIRE(socket);
        CHECK(socket->tuple.local == endpoint("127.0.0.1", 8080));
        CHECK(socket->tuple.remote == endpoint("10.0.0.2", 40000));
    }
}

TEST_CASE("v6, and mapped v4 which becomes v4 on a socket of v6")
{
    const auto plain = parse_inet_socket(line("fd00::1", 22, "2001:db8::5", 1, established, 0, 1), Protocol::tcp);
    REQUIRE(plain);
    CHECK(plain->tuple.local == endpoint("fd00::1", 22));
    CHECK(plain->tuple.remote == endpoint("2001:db8::5", 1));
    CHECK(plain->family == Family::v6);

    const auto mapped =
        parse_inet_socket(line("::ffff:10.0.0.1", 22, "::ffff:10.0.0.2", 7, established, 0, 1), Protocol::tcp);
    REQUIRE(mapped);
    CHECK(mapped->tuple.local == endpoint("10.0.0.1", 22));
    CHECK(mapped->tuple.remote == endpoint("10.0.0.2", 7));
    CHECK(mapped->family == Family::v6);
}

TEST_CASE("an unconnected UDP socket has no remote end; its state says nothing")
{
    for (const char* any : {"0.0.0.0", "::"}) {
        const auto socket = parse_inet_socket(line(any, 53, any, 0, closed, 5, 9), Protocol::udp);
        REQUIRE(socket);
        CHECK(socket->tuple.local.port == 53);
        CHECK(socket->tuple.local.address.is_unspecified());
        CHECK(socket->tuple.remote == Endpoint{});
        CHECK(state_of(*socket) == SocketState::open);
        CHECK(socket->uid == Uid{5});
    }
}

TEST_CASE("TCP states: listening, over, and sending on without a process, whose user the kernel has forgotten")
{
    const auto state = [](int number, unsigned long inode) {
        return parse_inet_socket(line("10.0.0.1", 80, "10.0.0.2", 5, number, 0, inode), Protocol::tcp).value();
    };
    CHECK(is_listener(state(listening, 3)));
    CHECK(state_of(state(time_wait, 0)) == SocketState::time_wait);
    CHECK_FALSE(state(time_wait, 0).uid);
    CHECK(state_of(state(closed, 3)) == SocketState::closed);
    CHECK(state_of(state(fin_wait1, 0)) == SocketState::orphaned);
    CHECK_FALSE(state(fin_wait1, 0).uid);
    CHECK(state_of(state(fin_wait1, 3)) == SocketState::open);
    CHECK(state_of(state(established, 0)) == SocketState::open);
}

TEST_CASE("a raw socket for ICMP is one of ICMP")
{
    const auto of_number = [](int number) {
        return parse_inet_socket(line("0.0.0.0", number, "0.0.0.0", 0, closed, 0, 3), Protocol::raw)->tuple.protocol;
    };
    CHECK(of_number(1) == Protocol::icmp);
    CHECK(of_number(58) == Protocol::icmp);
    CHECK(of_number(253) == Protocol::raw);
}

TEST_CASE("a line of /proc/net/packet")
{
    const auto socket = parse_packet_socket("0000000000000000 3      3    0003   2     1 0      1000   77231 ");
    REQUIRE(socket);
    CHECK(socket->tuple.protocol == Protocol::packet);
    CHECK(socket->interface == 2);
    CHECK(socket->uid == Uid{1000});
    CHECK(socket->inode == Inode{77231});
    CHECK_FALSE(parse_packet_socket("sk               RefCnt Type Proto  Iface R Rmem   User   Inode"));
    CHECK_FALSE(parse_packet_socket("0000000000000000 3      3    0003   2     1 0      1000"));
}

TEST_CASE("what is no socket is none: headings, cut lines, wrong digits, too large numbers")
{
    const std::string good = line("10.0.0.1", 443, "10.0.0.2", 5, established, 1000, 77);
    REQUIRE(parse_inet_socket(good, Protocol::tcp));
    const std::size_t inode_end = good.find(" 77 ") + 3;
    for (std::size_t length = 0; length < inode_end - 2; ++length) {
        CAPTURE(length);
        CHECK_FALSE(parse_inet_socket(std::string_view(good).substr(0, length), Protocol::tcp));
    }
    const auto without = [&](const char* part, const char* instead) {
        std::string bad = good;
        bad.replace(bad.find(part), std::strlen(part), instead);
        CAPTURE(bad);
        CHECK_FALSE(parse_inet_socket(bad, Protocol::tcp));
    };
    without(":01BB", ":1BB");
    without(":01BB", ":101BB");
    without(":01BB", "");
    without(":01BB", ":-1BB");
    without(" 01 ", " 0x1 ");
    without(" 01 ", " 001 ");
    without(" 1000 ", " 4294967296 ");
    without(" 1000 ", " -1 ");
    without(" 77 ", " 18446744073709551616 ");
    CHECK_FALSE(parse_inet_socket(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        Protocol::tcp));
}

TEST_CASE("this machine's own lists can be read whole")
{
    const ProcSockets sockets = read_proc_sockets(ProcLists::all);
    CHECK_FALSE(sockets.missing);
    CHECK(sockets.garbled == 0);
}

TEST_CASE("an endpoint of SCTP")
{
    const auto socket = parse_sctp_socket("ffff8880 ffff8881 2   10  29   3868   1000 12345 10.0.0.1 10.0.0.2 ");
    REQUIRE(socket);
    CHECK(socket->tuple.protocol == Protocol::sctp);
    CHECK(socket->tuple.local.port == 3868);
    CHECK(to_string(socket->tuple.local.address) == "10.0.0.1");
    CHECK(socket->inode == Inode{12345});
    CHECK(socket->uid == Uid{1000});
    CHECK_FALSE(parse_sctp_socket("ffff8880 ffff8881 2 10 29 3868 1000"));
    CHECK_FALSE(parse_sctp_socket("ffff8880 ffff8881 2 10 29 70000 1000 5 10.0.0.1"));
}
