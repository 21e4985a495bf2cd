// SPDX-License-Identifier: MIT
#include "traffic/uncounted_sockets.hpp"

#include <doctest/doctest.h>

using namespace socktally;

namespace {

constexpr std::string_view snmp = "Ip: Forwarding DefaultTTL InReceives InDelivers OutRequests\n"
                                  "Ip: 2 64 50 40 30\n"
                                  "Icmp: InMsgs InErrors OutMsgs OutEchos\n"
                                  "Icmp: 3 9 4 2\n"
                                  "IcmpMsg: InType0 OutType8\n"
                                  "IcmpMsg: 2 2\n"
                                  "Tcp: RtoAlgorithm InSegs OutSegs\n"
                                  "Tcp: 1 7 8\n"
                                  "Udp: InDatagrams NoPorts InErrors OutDatagrams\n"
                                  "Udp: 10 1 1 11\n"
                                  "UdpLite: InDatagrams NoPorts InErrors OutDatagrams\n"
                                  "UdpLite: 5 0 0 6\n";
constexpr std::string_view snmp6 = "Ip6InDelivers 100\nIp6OutRequests 200\nIcmp6InMsgs 1\nIcmp6OutMsgs 2\n"
                                   "Icmp6OutEchos 1\nUdp6InDatagrams 4\nUdpLite6OutDatagrams 3\n";

std::vector<Flow> sockets_of(Protocol protocol)
{
    Flow flow;
    flow.tuple.protocol = protocol;
    return {flow};
}

} // namespace

TEST_CASE("uncounted: the counters of both families are added up")
{
    UncountedCounters counters;
    add_uncounted_snmp(snmp, counters);
    CHECK(counters.ip_in == 40);
    CHECK(counters.ip_out == 30);
    CHECK(counters.icmp == 7);
    CHECK(counters.echo_requests == 2);
    CHECK(counters.tcp == 15);
    CHECK(counters.udplite == 11);
    CHECK(counters.known_in == 3 + 12 + 5);
    CHECK(counters.known_out == 4 + 11 + 6);
    add_uncounted_lines(snmp6, counters);
    CHECK(counters.ip_in == 140);
    CHECK(counters.ip_out == 230);
    CHECK(counters.icmp == 10);
    CHECK(counters.echo_requests == 3);
    CHECK(counters.udplite == 14);
    CHECK(counters.known_in == 20 + 1 + 4);
    CHECK(counters.known_out == 21 + 2 + 3);
    add_uncounted_lines("SctpOutSCTPPacks 4\nSctpInSCTPPacks 5\nSctpOther 9\n", counters);
    CHECK(counters.sctp == 9);
}

TEST_CASE("uncounted: what makes no sense in them is left out")
{
    UncountedCounters counters;
    for (const std::string_view text : {"", "Ip", "Ip:\nIp:\n", "Ip: InDelivers\nUdp: 5\n", "Ip: InDelivers\n"}) {
        add_uncounted_snmp(text, counters);
    }
    add_uncounted_lines("Ip6InDelivers\nIp6OutRequests x\n\n", counters);
    CHECK(counters == UncountedCounters{});
}

TEST_CASE("uncounted: messages of ICMP count where a socket may have had them")
{
    UncountedCounters before;
    UncountedCounters after;
    after.icmp = 1;
    CHECK(uncounted_traffic(before, after, sockets_of(Protocol::icmp)).icmp);
    CHECK_FALSE(uncounted_traffic(before, after, {}).icmp); // the kernel's own
    CHECK_FALSE(uncounted_traffic(after, after, sockets_of(Protocol::icmp)).any());
    after.echo_requests = 1;
    CHECK(uncounted_traffic(before, after, {}).icmp); // a process that is gone
}

TEST_CASE("uncounted: raw IP is what no other protocol explains")
{
    const auto raw = sockets_of(Protocol::raw);
    UncountedCounters before;
    UncountedCounters after;
    after.ip_out = 5;
    after.known_out = 5;
    CHECK_FALSE(uncounted_traffic(before, after, raw).raw);
    after.ip_out = 6;
    CHECK(uncounted_traffic(before, after, raw).raw);
    CHECK_FALSE(uncounted_traffic(before, after, {}).raw);
    after.ip_out = 5;
    after.ip_in = 1;
    CHECK(uncounted_traffic(before, after, raw).raw);
    after.ip_in = 0;
    after.tcp = 1; // superpackets
    CHECK(uncounted_traffic(before, after, raw).raw);
}

TEST_CASE("uncounted: UDP-Lite and SCTP are told by their own counters")
{
    UncountedCounters before;
    UncountedCounters after;
    after.udplite = 1;
    CHECK(uncounted_traffic(before, after, {}).udplite);
    after.udplite = 0;
    after.sctp = 1;
    CHECK(uncounted_traffic(before, after, {}).sctp);
}
