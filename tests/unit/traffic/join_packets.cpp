// SPDX-License-Identifier: MIT
#include "traffic/ebpf/packets.hpp"

#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr PacketCounts none{0, 0, 0, 0};
constexpr PacketCounts unknown{};
constexpr PacketCounts counted{1, 2, 40, 90};

packets_socket socket_with_packets()
{
    packets_socket socket{};
    socket.rx_packets = 1;
    socket.tx_packets = 2;
    socket.flow.rx_bytes = 40;
    socket.flow.tx_bytes = 90;
    socket.flow.family = AF_INET;
    socket.flow.protocol = 17;
    socket.flow.local_port = 53;
    return socket;
}

Flow used(std::uint64_t cookie, std::uint32_t process)
{
    Flow result = owned_flow(process, 10, 20);
    result.cookie = Cookie{cookie};
    return result;
}

Sample sample_of(std::vector<Flow> flows)
{
    Sample sample;
    sample.processes = {process(1, 100, "one"), process(2, 200, "two")};
    sample.flows = std::move(flows);
    return sample;
}

} // namespace

TEST_CASE("packets belong to the process that used the socket")
{
    Sample sample = sample_of({used(7, 0), used(8, 1)});
    CHECK(join_packets(sample, {{7, socket_with_packets()}}, Unlisted::none) == 0);
    REQUIRE(sample.flows.size() == 2);
    CHECK(sample.flows[0].packets == counted);
    CHECK(sample.flows[1].packets == none);
}

TEST_CASE("packets of a socket that is not listed are unknown where not all are seen")
{
    Sample sample = sample_of({used(7, 0), used(8, 1)});
    join_packets(sample, {{7, socket_with_packets()}}, Unlisted::unknown);
    CHECK(sample.flows[0].packets == counted);
    CHECK(sample.flows[1].packets == unknown);
}

TEST_CASE("packets of a socket that several processes used are nobody's")
{
    Sample sample = sample_of({used(7, 0), used(7, 1)});
    CHECK(join_packets(sample, {{7, socket_with_packets()}}, Unlisted::none) == 1);
    REQUIRE(sample.flows.size() == 3);
    CHECK(sample.flows[0].packets == unknown);
    CHECK(sample.flows[1].packets == unknown);
    CHECK(sample.flows[2].packets == counted);
    CHECK(sample.flows[2].attribution.cause == Cause::unknown);
    CHECK(sample.flows[2].sockets == 0);
    CHECK(sample.flows[2].rx_bytes == 0U);
}

TEST_CASE("packets of a socket that one process used with several other ends are that process's, at none of the ends")
{
    Sample sample = sample_of({used(7, 1), used(7, 1)});
    CHECK(join_packets(sample, {{7, socket_with_packets()}}, Unlisted::none) == 1);
    REQUIRE(sample.flows.size() == 3);
    CHECK(sample.flows[0].packets == unknown);
    CHECK(sample.flows[2].packets == counted);
    CHECK(sample.flows[2].attribution.process == 1U);
    CHECK(sample.flows[2].tx_bytes == 0U);
}

TEST_CASE("packets of a socket that nobody used belong to its one holder")
{
    packets_socket held = socket_with_packets();
    held.holder_tgid = 2;
    held.holder_start_ns = 2'000'000'000; // 200 ticks
    held.holder_name[0] = 'x';
    packets_socket shared = held;
    shared.is_shared = 1;
    packets_socket stranger = held;
    stranger.holder_tgid = 3;
    Sample sample = sample_of({});
    SUBCASE("known already")
    {
        join_packets(sample, {{7, held}}, Unlisted::none);
        CHECK(sample.processes.size() == 2);
        CHECK(sample.flows.at(0).attribution.process == 1U);
        CHECK(sample.flows.at(0).attribution.quality == Quality::owner);
        CHECK(sample.flows.at(0).tuple.protocol == Protocol::udp);
        CHECK(sample.flows.at(0).tuple.local.port == 53);
        CHECK(sample.flows.at(0).may_have_traffic());
    }
    SUBCASE("new")
    {
        join_packets(sample, {{7, stranger}}, Unlisted::none);
        REQUIRE(sample.processes.size() == 3);
        CHECK(sample.processes[2].pid == Pid{3});
        CHECK(sample.processes[2].name == "x");
        CHECK(sample.flows.at(0).attribution.process == 2U);
    }
    SUBCASE("several hold it")
    {
        join_packets(sample, {{7, shared}}, Unlisted::none);
        CHECK_FALSE(sample.flows.at(0).attribution.process);
        CHECK(sample.flows.at(0).attribution.cause == Cause::unknown);
    }
}

TEST_CASE("packets of what passes no IP socket of its own are unknown")
{
    Sample sample = sample_of({used(7, 0), used(8, 0), owned_flow(1, 1, 1)});
    sample.flows[0].tuple.protocol = Protocol::packet;
    sample.flows[1].tuple.protocol = Protocol::mptcp;
    join_packets(sample, {}, Unlisted::none);
    for (const Flow& flow : sample.flows) { // the last one has no cookie: it stands for several sockets
        CHECK(flow.packets == unknown);
    }
}
