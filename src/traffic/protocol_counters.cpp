// SPDX-License-Identifier: MIT
#include "traffic/protocol_counters.hpp"

#include "linux/file.hpp"
#include "linux/proc.hpp"
#include "util/number.hpp"

#include <fcntl.h>

#include <array>
#include <utility>

namespace socktally {

namespace {

constexpr std::size_t size_limit = 1 << 16;

struct Field {
    std::string_view protocol;
    std::string_view name;
    std::uint64_t ProtocolCounters::*counter;
};

using Counters = ProtocolCounters;
constexpr std::array fields{
    Field{"Tcp", "ActiveOpens", &Counters::tcp_opens},
    Field{"Tcp", "PassiveOpens", &Counters::tcp_opens},
    Field{"Tcp", "AttemptFails", &Counters::tcp_failures},
    Field{"Tcp", "InSegs", &Counters::tcp_segments},
    Field{"Tcp", "OutSegs", &Counters::tcp_segments},
    Field{"Udp", "InDatagrams", &Counters::udp_datagrams},
    Field{"Udp", "InDatagrams", &Counters::udp_read},
    Field{"Udp", "InDatagrams", &Counters::known_in},
    Field{"Udp", "OutDatagrams", &Counters::udp_datagrams},
    Field{"Udp", "OutDatagrams", &Counters::known_out},
    Field{"Udp", "NoPorts", &Counters::udp_no_ports},
    Field{"Udp", "NoPorts", &Counters::known_in}, // IP has delivered the datagram, but no socket has received it
    Field{"Udp", "InErrors", &Counters::known_in},
    Field{"UdpLite", "InDatagrams", &Counters::udplite},
    Field{"UdpLite", "InDatagrams", &Counters::known_in},
    Field{"UdpLite", "OutDatagrams", &Counters::udplite},
    Field{"UdpLite", "OutDatagrams", &Counters::known_out},
    Field{"UdpLite", "NoPorts", &Counters::known_in},
    Field{"UdpLite", "InErrors", &Counters::known_in},
    Field{"Icmp", "InMsgs", &Counters::icmp},
    Field{"Icmp", "InMsgs", &Counters::known_in},
    Field{"Icmp", "OutMsgs", &Counters::icmp},
    Field{"Icmp", "OutMsgs", &Counters::known_out},
    Field{"Icmp", "OutEchos", &Counters::echo_requests},
    Field{"Ip", "InDelivers", &Counters::ip_in},
    Field{"Ip", "OutRequests", &Counters::ip_out},
    Field{"Sctp", "InSCTPPacks", &Counters::sctp},
    Field{"Sctp", "OutSCTPPacks", &Counters::sctp},
};

void add_field(std::string_view protocol, std::string_view name, std::uint64_t value, ProtocolCounters& counters)
{
    for (const Field& field : fields) {
        if (field.name == name && field.protocol == protocol) {
            counters.*field.counter += value;
        }
    }
}

} // namespace

void add_snmp(std::string_view text, ProtocolCounters& counters)
{
    while (!text.empty()) {
        std::string_view names = next_line(text);
        std::string_view values = next_line(text);
        std::string_view protocol = next_word(names);
        if (protocol != next_word(values) || !protocol.ends_with(':')) {
            return;
        }
        protocol.remove_suffix(1);
        for (std::string_view name = next_word(names); !name.empty(); name = next_word(names)) {
            add_field(protocol, name, parse_number(next_word(values)).value_or(0), counters);
        }
    }
}

/// A field such as "Ip6InDelivers" is added to the same counters as InDelivers of Ip.
void add_snmp_lines(std::string_view text, ProtocolCounters& counters)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> prefixes{
        {{"Ip6", "Ip"}, {"Icmp6", "Icmp"}, {"UdpLite6", "UdpLite"}, {"Udp6", "Udp"}, {"Sctp", "Sctp"}}};
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::string_view name = next_word(line);
        for (const auto& [prefix, protocol] : prefixes) {
            if (name.starts_with(prefix)) {
                add_field(protocol, name.substr(prefix.size()), parse_number(next_word(line)).value_or(0), counters);
                break;
            }
        }
    }
}

ProtocolCountersReader::ProtocolCountersReader()
    : snmp_(::open("/proc/thread-self/net/snmp", O_RDONLY | O_CLOEXEC)),
      snmp6_(::open("/proc/thread-self/net/snmp6", O_RDONLY | O_CLOEXEC)),
      sctp_(::open("/proc/thread-self/net/sctp/snmp", O_RDONLY | O_CLOEXEC))
{
}

std::optional<ProtocolCounters> ProtocolCountersReader::read_snmp()
{
    const auto snmp = snmp_ ? reread_file(snmp_.get(), buffer_, size_limit) : std::nullopt;
    std::optional<ProtocolCounters> counters;
    if (snmp) {
        add_snmp(*snmp, counters.emplace());
    }
    return counters;
}

std::optional<ProtocolCounters> ProtocolCountersReader::read()
{
    auto counters = read_snmp();
    for (const Fd* file : {&snmp6_, &sctp_}) {
        const auto text = counters && *file ? reread_file(file->get(), buffer_, size_limit) : std::nullopt;
        if (text) {
            add_snmp_lines(*text, *counters);
        }
    }
    return counters;
}

std::optional<std::uint64_t> ProtocolCountersReader::read_tcp_opens()
{
    const auto counters = read_snmp();
    return counters ? std::optional(counters->tcp_opens) : std::nullopt;
}

} // namespace socktally
