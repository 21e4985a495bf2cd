// SPDX-License-Identifier: MIT
#include "traffic/protocol_counters.hpp"

#include <doctest/doctest.h>

using namespace socktally;

namespace {

constexpr std::string_view snmp_text =
    R"(Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests
Ip: 2 64 193643 0 0 0 0 0 193643 192934
IcmpMsg: InType3
IcmpMsg: 1
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 30022 30006 12 0 0 193603 192897 0 0 6 0
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 39 5 6 40 0 0 0 0 0
UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
UdpLite: 1000 0 0 1000 0 0 0 0 0
)";

constexpr std::string_view snmp6_text = R"(Ip6InReceives                   	1
Udp6InDatagrams                 	7
Udp6NoPorts                     	1000
Udp6InErrors                    	1000
Udp6OutDatagrams                	8
UdpLite6InDatagrams             	1000
UdpLite6OutDatagrams            	1000
)";

constexpr std::string_view all_text = "Ip: Forwarding DefaultTTL InReceives InDelivers OutRequests\n"
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
constexpr std::string_view all6_text = "Ip6InDelivers 100\nIp6OutRequests 200\nIcmp6InMsgs 1\nIcmp6OutMsgs 2\n"
                                       "Icmp6OutEchos 1\nUdp6InDatagrams 4\nUdpLite6OutDatagrams 3\n";

ProtocolCounters snmp(std::string_view text)
{
    ProtocolCounters counters;
    add_snmp(text, counters);
    return counters;
}

void check(const ProtocolCounters& counters, std::uint64_t opens, std::uint64_t failures, std::uint64_t datagrams,
           std::uint64_t read, std::uint64_t no_ports)
{
    CHECK(counters.tcp_opens == opens);
    CHECK(counters.tcp_failures == failures);
    CHECK(counters.udp_datagrams == datagrams);
    CHECK(counters.udp_read == read);
    CHECK(counters.udp_no_ports == no_ports);
}

} // namespace

TEST_CASE("opens are active and passive ones, datagrams those in and out, of both families")
{
    ProtocolCounters counters = snmp(snmp_text);
    check(counters, 60028, 12, 79, 39, 5);
    add_snmp_lines(snmp6_text, counters);
    check(counters, 60028, 12, 94, 46, 1005);
}

TEST_CASE("the counters of IP, ICMP, UDP-Lite and SCTP, of both families")
{
    ProtocolCounters counters = snmp(all_text);
    CHECK(counters.ip_in == 40);
    CHECK(counters.ip_out == 30);
    CHECK(counters.icmp == 7);
    CHECK(counters.echo_requests == 2);
    CHECK(counters.tcp_segments == 15);
    CHECK(counters.udplite == 11);
    CHECK(counters.known_in == 3 + 12 + 5);
    CHECK(counters.known_out == 4 + 11 + 6);
    add_snmp_lines(all6_text, counters);
    CHECK(counters.ip_in == 140);
    CHECK(counters.ip_out == 230);
    CHECK(counters.icmp == 10);
    CHECK(counters.echo_requests == 3);
    CHECK(counters.udplite == 14);
    CHECK(counters.known_in == 20 + 1 + 4);
    CHECK(counters.known_out == 21 + 2 + 3);
    add_snmp_lines("SctpOutSCTPPacks 4\nSctpInSCTPPacks 5\nSctpOther 9\n", counters);
    CHECK(counters.sctp == 9);
}

TEST_CASE("fields are found by name, wherever they stand")
{
    check(snmp("Tcp: New PassiveOpens ActiveOpens\nTcp: -1 20 3\nUdp: OutDatagrams InDatagrams\nUdp: 4 5\n"), 23, 0, 9,
          5, 0);
}

TEST_CASE("a text cut anywhere gives no more than the whole")
{
    for (std::size_t length = 0; length <= snmp_text.size(); ++length) {
        const ProtocolCounters counters = snmp(snmp_text.substr(0, length));
        CHECK(counters.tcp_opens <= 60028);
        CHECK(counters.udp_datagrams <= 79);
    }
}

TEST_CASE("garbage counts nothing")
{
    for (const std::string_view text :
         {"", "\n", "\n\n\n", "Tcp:", "Tcp: ActiveOpens", "Tcp: ActiveOpens\nUdp: 5\n", "Tcp: ActiveOpens\nTcp: x\n",
          "Tcp: ActiveOpens\nTcp: -5\n", "Tcp: ActiveOpens\nTcp:\n", "Tcp: ActiveOpens\nTcp: 99999999999999999999\n",
          "\xff\xfe", "Tcp: Tcp:\nTcp: 5\n"}) {
        CAPTURE(text);
        CHECK(snmp(text) == ProtocolCounters{});
        ProtocolCounters counters;
        add_snmp_lines(text, counters);
        CHECK(counters == ProtocolCounters{});
    }
    ProtocolCounters counters;
    add_snmp_lines("Ip6InDelivers\nIp6OutRequests x\n\nUdp6InDatagrams\nUdp6OutDatagrams x\n Udp6InDatagrams",
                   counters);
    CHECK(counters == ProtocolCounters{});
}

TEST_CASE("this machine's own counters can be read, again and again")
{
    ProtocolCountersReader reader;
    const auto first = reader.read();
    const auto second = reader.read();
    REQUIRE(first);
    REQUIRE(second);
    CHECK(second->tcp_opens >= first->tcp_opens);
    CHECK(second->udp_datagrams >= first->udp_datagrams);
}
