// SPDX-License-Identifier: MIT
#include "traffic/protocol_counters.hpp"

#include "linux/file.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>

namespace socktally {

namespace {

constexpr std::size_t size_limit = 1 << 16;

void add_field(std::string_view protocol, std::string_view name, std::uint64_t value, ProtocolCounters& counters)
{
    if (protocol == "Tcp:" && (name == "ActiveOpens" || name == "PassiveOpens")) {
        counters.tcp_opens += value;
    } else if (protocol == "Tcp:" && name == "AttemptFails") {
        counters.tcp_failures += value;
    } else if (protocol == "Udp:" && (name == "InDatagrams" || name == "OutDatagrams")) {
        counters.udp_datagrams += value;
        counters.udp_read += name == "InDatagrams" ? value : 0;
    } else if (protocol == "Udp:" && name == "NoPorts") {
        counters.udp_no_ports += value;
    }
}

} // namespace

void add_snmp(std::string_view text, ProtocolCounters& counters)
{
    while (!text.empty()) {
        std::string_view names = next_line(text);
        std::string_view values = next_line(text);
        const std::string_view protocol = next_word(names);
        if (protocol != next_word(values)) {
            return;
        }
        for (std::string_view name = next_word(names); !name.empty(); name = next_word(names)) {
            add_field(protocol, name, parse_number(next_word(values)).value_or(0), counters);
        }
    }
}

void add_snmp6(std::string_view text, ProtocolCounters& counters)
{
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::string_view name = next_word(line);
        constexpr std::string_view prefix = "Udp6";
        if (name.starts_with(prefix)) {
            add_field("Udp:", name.substr(prefix.size()), parse_number(next_word(line)).value_or(0), counters);
        }
    }
}

ProtocolCountersReader::ProtocolCountersReader()
    : snmp_(::open("/proc/thread-self/net/snmp", O_RDONLY | O_CLOEXEC)),
      snmp6_(::open("/proc/thread-self/net/snmp6", O_RDONLY | O_CLOEXEC))
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
    if (counters && snmp6_) {
        if (const auto snmp6 = reread_file(snmp6_.get(), buffer_, size_limit)) {
            add_snmp6(*snmp6, *counters);
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
