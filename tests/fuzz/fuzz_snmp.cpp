// SPDX-License-Identifier: MIT
// /proc/net/snmp and snmp6.
#include "fuzz.hpp"
#include "traffic/protocol_counters.hpp"

using namespace socktally;

FUZZ_DRIVER(snmp)
{
    const std::string_view text = as_text(input);
    ProtocolCounters counters;
    add_snmp(text, counters);
    require(counters.tcp_opens == 0 || text.find("Opens") != text.npos);
    ProtocolCounters counters6;
    add_snmp_lines(text, counters6);
    require(counters6.tcp_opens == 0);
    require(counters6.udp_datagrams == 0 || text.find("Udp6") != text.npos);
}
