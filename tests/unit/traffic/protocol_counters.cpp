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

ProtocolCounters snmp(std::string_view text)
{
    ProtocolCounters counters;
    add_snmp(text, counters);
    return counters;
}

} // namespace

TEST_CASE("opens are active and passive ones, datagrams those in and out, of both families")
{
    ProtocolCounters counters = snmp(snmp_text);
    CHECK(counters == ProtocolCounters{60028, 12, 79, 39, 5});
    add_snmp6(snmp6_text, counters);
    CHECK(counters == ProtocolCounters{60028, 12, 94, 46, 1005});
}

TEST_CASE("fields are found by name, wherever they stand")
{
    CHECK(snmp("Tcp: New PassiveOpens ActiveOpens\nTcp: -1 20 3\nUdp: OutDatagrams InDatagrams\nUdp: 4 5\n") ==
          ProtocolCounters{23, 0, 9, 5, 0});
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
        add_snmp6(text, counters);
        CHECK(counters == ProtocolCounters{});
    }
    ProtocolCounters counters;
    add_snmp6("Udp6InDatagrams\nUdp6OutDatagrams x\n Udp6InDatagrams", counters);
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
