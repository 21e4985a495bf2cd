// SPDX-License-Identifier: MIT
// Rows of the socket iterators to flows: addresses, payload, and what is known of the owner without looking for one.
#include "traffic/ebpf/totals_flows.hpp"
#include "sockets/proc_net.hpp"
#include "sockets/tcp_bytes.hpp"

#include <doctest/doctest.h>

#include <netinet/in.h>

#include <algorithm>
#include <array>

using namespace socktally;

namespace {

void set(tally_u8 (&to)[16], const std::array<std::uint8_t, 4>& address)
{
    std::copy(address.begin(), address.end(), to);
}

constexpr tally_u64 first_cookie = 77;

totals_row udp_row()
{
    totals_row row{};
    row.cookie = first_cookie;
    row.inode = 1234;
    row.uid = 1000;
    row.family = AF_INET;
    row.protocol = IPPROTO_UDP;
    set(row.local, {10, 0, 0, 1});
    row.local_port = 40'000;
    return row;
}

/// A client that has sent 500 bytes and read 2000, all of them acknowledged. Its SYN is in bytes_acked.
totals_row tcp_row()
{
    totals_row row = udp_row();
    row.protocol = IPPROTO_TCP;
    row.state = static_cast<tally_u8>(TcpState::established);
    set(row.remote, {10, 0, 0, 2});
    row.remote_port = 443;
    row.bytes_sent = 500;
    row.bytes_acked = 501;
    row.bytes_received = 2000;
    row.segs_in = row.segs_out = row.data_segs_in = 9;
    return row;
}

totals_row listener_row(std::uint16_t port)
{
    totals_row row = tcp_row();
    row.state = static_cast<tally_u8>(TcpState::listen);
    row.local_port = port;
    return row;
}

Flow flow_of(const totals_row& row)
{
    TotalsFlows flows;
    flows.begin_namespace(1);
    flows.add(row);
    auto taken = flows.take();
    REQUIRE(taken.size() == 1);
    return taken.front();
}

} // namespace

TEST_CASE("a connection: who, where, and how much")
{
    totals_row row = tcp_row();
    row.interface = 3;
    row.netns = 4026531840;
    const Flow flow = flow_of(row);
    CHECK(flow.tuple.protocol == Protocol::tcp);
    CHECK(flow.tuple.local == Endpoint{*parse_address("10.0.0.1"), 40'000});
    CHECK(flow.tuple.remote == Endpoint{*parse_address("10.0.0.2"), 443});
    CHECK(flow.cookie == Cookie{first_cookie});
    CHECK(flow.inode == Inode{1234});
    CHECK(flow.netns == Inode{4026531840});
    CHECK(flow.uid == Uid{1000});
    CHECK(flow.interface == 3);
    CHECK(flow.state == SocketState::open);
    CHECK(flow.rx_bytes == 2000);
    CHECK(flow.tx_bytes == 500);
    CHECK(flow.attribution.cause == Cause::none); // not decided here
}

TEST_CASE("v6 addresses, and v4 ones mapped into them")
{
    totals_row row = tcp_row();
    row.family = AF_INET6;
    std::fill(std::begin(row.local), std::end(row.local), tally_u8{0});
    row.local[15] = 1;
    const std::array<std::uint8_t, 16> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    std::copy(mapped.begin(), mapped.end(), row.remote);
    const Flow flow = flow_of(row);
    CHECK(to_string(flow.tuple.local.address) == "::1");
    CHECK(to_string(flow.tuple.remote.address) == "192.0.2.1");
}

TEST_CASE("what lies in the queues was given, but not read")
{
    totals_row row = tcp_row();
    row.rqueue = 300;
    row.wqueue = 70; // 50 of them sent
    row.notsent_bytes = 20;
    row.bytes_sent += 50;
    const Flow flow = flow_of(row);
    CHECK(flow.rx_bytes == 1700);
    CHECK(flow.tx_bytes == 570);
}

TEST_CASE("a FIN is no payload, read or not")
{
    totals_row row = tcp_row();
    row.state = static_cast<tally_u8>(TcpState::close_wait);
    row.bytes_received += 1;
    CHECK(flow_of(row).rx_bytes == 2000);
    row.rqueue = 1; // end of file not read yet
    CHECK(flow_of(row).rx_bytes == 2000);
}

TEST_CASE("a listener is no flow; it tells which connections were accepted, in its namespace only")
{
    TotalsFlows flows;
    flows.begin_namespace(0);
    flows.add(listener_row(40'000));
    flows.add(tcp_row());
    flows.begin_namespace(0);
    totals_row elsewhere = tcp_row();
    elsewhere.cookie = 78;
    flows.add(elsewhere);
    const auto taken = flows.take();
    REQUIRE(taken.size() == 2);
    CHECK(taken[0].accepted);
    CHECK_FALSE(taken[1].accepted);
}

TEST_CASE("a socket that the kernel shows again counts once")
{
    TotalsFlows flows;
    flows.begin_namespace(3000);
    constexpr tally_u64 sockets = 5000; // more than were expected
    for (int times = 0; times < 2; ++times) {
        for (tally_u64 cookie = 1; cookie <= sockets; ++cookie) {
            totals_row row = tcp_row();
            row.cookie = cookie << 12U;
            flows.add(row);
        }
    }
    CHECK(flows.take().size() == sockets);
}

TEST_CASE("a socket without a file: not accepted yet, or closed by its process")
{
    totals_row row = tcp_row();
    row.inode = 0;
    CHECK(flow_of(row).state == SocketState::open);
    row.state = static_cast<tally_u8>(TcpState::fin_wait1);
    CHECK(flow_of(row).state == SocketState::orphaned);
}

TEST_CASE("only sockets that a process may hold are looked for")
{
    totals_row kernels = tcp_row();
    kernels.inode = 0;
    kernels.holder = TOTALS_HELD_BY_KERNEL;
    totals_row unknown = kernels;
    unknown.holder = TOTALS_HELD_BY_UNKNOWN;
    totals_row unaccepted = tcp_row();
    unaccepted.inode = 0;
    TotalsFlows flows;
    tally_u64 cookie = first_cookie;
    for (totals_row row : {kernels, unknown, unaccepted, tcp_row()}) {
        row.cookie = cookie++;
        flows.add(row);
    }
    CHECK(flows.inodes() == std::vector{Inode{1234}});
    const auto taken = flows.take();
    CHECK(taken.at(0).attribution.cause == Cause::kernel);
    CHECK(taken.at(1).attribution.cause == Cause::unknown);
    CHECK(taken.at(2).attribution.cause == Cause::none);
}

TEST_CASE("a socket that was disconnected and sends again has lost its counters")
{
    totals_row row = tcp_row();
    row.cookie = 78;
    row.segs_in = row.segs_out = 0;
    row.wqueue = 10;
    TotalsFlows flows;
    flows.add(tcp_row());
    CHECK(flows.resets() == 0);
    flows.add(row);
    CHECK(flows.resets() == 1);
}

TEST_CASE("the bytes of a UDP socket are unknown, and so is the remote end of one that is not connected")
{
    TotalsFlows flows;
    flows.add(tcp_row());
    CHECK_FALSE(flows.has_udp());
    totals_row udp = udp_row();
    udp.cookie = 78;
    flows.add(udp);
    CHECK(flows.has_udp());
    const Flow flow = flows.take().at(1);
    CHECK(flow.tuple.protocol == Protocol::udp);
    CHECK(flow.tuple.remote == Endpoint{});
    CHECK_FALSE(flow.rx_bytes.has_value());
    CHECK_FALSE(flow.tx_bytes.has_value());
}

TEST_CASE("the number of TCP sockets in use")
{
    CHECK(parse_tcp_in_use("sockets: used 300\nTCP: inuse 51 orphan 0 tw 3 alloc 60 mem 5\nUDP: inuse 4 mem 2\n") ==
          54);
    CHECK(parse_tcp_in_use("TCP6: inuse 2\nUDP6: inuse 9\n") == 2);
    CHECK(parse_tcp_in_use("UDP: inuse 4\nTCP: alloc 4\n") == 0);
    CHECK(parse_tcp_in_use("") == 0);
}

TEST_CASE("what TCP tells of a connection, if it is asked for")
{
    totals_row row = tcp_row();
    row.rtt_us = 1234;
    row.bytes_retrans = 50;
    row.bytes_sent += 50;
    TotalsFlows flows(nullptr, true);
    flows.begin_namespace(1);
    flows.add(row);
    row = udp_row();
    row.cookie = first_cookie + 1;
    flows.add(row);
    const auto taken = flows.take();
    REQUIRE(taken.size() == 2);
    REQUIRE(taken[0].facts != nullptr);
    CHECK(taken[0].facts->state == ConnectionState::established);
    CHECK(taken[0].facts->rtt_us == 1234U);
    CHECK(taken[0].facts->retransmitted_bytes == 50U);
    CHECK(taken[1].facts == nullptr);
    CHECK(flow_of(tcp_row()).facts == nullptr);
}
