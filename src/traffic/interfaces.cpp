// SPDX-License-Identifier: MIT
#include "traffic/interfaces.hpp"

#include "linux/file.hpp"
#include "linux/proc.hpp"
#include "util/number.hpp"

#include <fcntl.h>
#include <net/if.h>

#include <algorithm>
#include <array>

namespace socktally {

std::vector<InterfaceTraffic> parse_interfaces(std::string_view text)
{
    constexpr std::size_t tx_field = 8; // bytes and packets are the first of eight rx fields, then come those of tx
    std::vector<InterfaceTraffic> interfaces;
    next_line(text);
    next_line(text);
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::size_t colon = line.find(": "); // an alias such as eth0:1 has a colon of its own
        if (colon == std::string_view::npos) {
            continue;
        }
        std::string_view name = line.substr(0, colon);
        name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
        line.remove_prefix(colon + 1);
        InterfaceTraffic interface;
        interface.name = name;
        std::array<std::uint64_t, tx_field + 2> fields{};
        for (std::uint64_t& field : fields) {
            field = parse_number(next_word(line)).value_or(0);
        }
        interface.rx_bytes = fields[0];
        interface.rx_packets = fields[1];
        interface.tx_bytes = fields[tx_field];
        interface.tx_packets = fields[tx_field + 1];
        if (name != "lo") {
            interfaces.push_back(std::move(interface));
        }
    }
    return interfaces;
}

InterfaceCounters read_interfaces()
{
    constexpr std::size_t size_limit = 16 << 20;
    std::string buffer;
    const auto text = read_file(AT_FDCWD, "/proc/net/dev", buffer, size_limit);
    InterfaceCounters counters{parse_interfaces(text.value_or(""))};
    for (InterfaceTraffic& interface : counters.each) {
        interface.index = ::if_nametoindex(interface.name.c_str());
        counters.latest = std::max(counters.latest, interface.index);
    }
    return counters;
}

void take_interface_deltas(InterfaceCounters& counters, Sample& sample)
{
    sample.interfaces = read_interfaces().each;
    counters = subtract(counters, sample);
}

} // namespace socktally
