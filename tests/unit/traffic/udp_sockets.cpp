// SPDX-License-Identifier: MIT
#include "traffic/netlink/udp_sockets.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace socktally::test;

namespace {

DiagSocket udp_socket(std::uint64_t cookie)
{
    DiagSocket socket;
    socket.tuple = {Protocol::udp, endpoint("0.0.0.0", 53), endpoint("0.0.0.0", 0)};
    socket.cookie = Cookie{cookie};
    socket.inode = Inode{cookie + 1000};
    socket.uid = Uid{1000};
    return socket;
}

std::vector<Flow> flows_of(const UdpSockets& sockets, bool silent)
{
    std::vector<Flow> flows;
    sockets.add_to(flows, silent);
    return flows;
}

} // namespace

TEST_CASE("a UDP socket that both dumps show is one flow")
{
    UdpSockets sockets;
    CHECK(sockets.flows().empty());
    sockets.add(udp_socket(1));
    sockets.add(udp_socket(2));
    sockets.add(udp_socket(1));
    CHECK(sockets.flows().size() == 2);
    const auto flows = flows_of(sockets, false);
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].inode == Inode{1001});
    CHECK(flows[0].uid == Uid{1000});
    CHECK(flows[1].cookie == Cookie{2});
}

TEST_CASE("a UDP socket that is not connected has no remote end; a connected one has")
{
    UdpSockets sockets;
    sockets.add(udp_socket(1));
    DiagSocket connected = udp_socket(2);
    connected.tuple.remote = endpoint("10.0.0.2", 53);
    sockets.add(connected);
    CHECK(sockets.flows()[0].tuple.remote.address.family == Family::none);
    CHECK(sockets.flows()[0].tuple.local.port == 53);
    CHECK(sockets.flows()[1].tuple == connected.tuple);
}

TEST_CASE("bytes of UDP sockets are unknown, never 0, unless no datagram moved at all")
{
    for (const bool silent : {false, true}) {
        UdpSockets sockets;
        sockets.add(udp_socket(1));
        const auto flows = flows_of(sockets, silent);
        REQUIRE(flows.size() == 1);
        CHECK(flows[0].rx_bytes == (silent ? std::optional<std::uint64_t>(0) : std::nullopt));
        CHECK(flows[0].tx_bytes == flows[0].rx_bytes);
    }
}

TEST_CASE("the next window has the UDP sockets of the last dump")
{
    UdpSockets sockets;
    sockets.begin_dump();
    sockets.add(udp_socket(1));
    sockets.add(udp_socket(2));
    sockets.begin_dump();
    sockets.add(udp_socket(2));
    sockets.add(udp_socket(3));
    CHECK(flows_of(sockets, false).size() == 3);
    sockets.next_window();
    const auto flows = flows_of(sockets, false);
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].cookie == Cookie{2});
    CHECK(flows[1].cookie == Cookie{3});
    sockets.begin_dump();
    sockets.next_window();
    CHECK(sockets.flows().empty());
}
