// SPDX-License-Identifier: MIT
#include "backend/interfaces.hpp"

#include "sys/file.hpp"
#include "sys/proc.hpp"

#include <fcntl.h>

#include <algorithm>

namespace socktally {

std::vector<InterfaceTraffic> parse_interfaces(std::string_view text)
{
    constexpr int tx_field = 8; // bytes is the first of eight rx fields, then come those of tx
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
        for (int field = 0; field <= tx_field; ++field) {
            const auto value = parse_number(next_word(line)).value_or(0);
            if (field == 0) {
                interface.rx_bytes = value;
            } else if (field == tx_field) {
                interface.tx_bytes = value;
            }
        }
        if (name != "lo") {
            interfaces.push_back(std::move(interface));
        }
    }
    return interfaces;
}

std::vector<InterfaceTraffic> read_interfaces()
{
    constexpr std::size_t size_limit = 16 << 20;
    std::string buffer;
    const auto text = read_file(AT_FDCWD, "/proc/net/dev", buffer, size_limit);
    return text ? parse_interfaces(*text) : std::vector<InterfaceTraffic>();
}

std::vector<InterfaceTraffic> interface_deltas(const std::vector<InterfaceTraffic>& earlier,
                                               std::vector<InterfaceTraffic> later)
{
    for (InterfaceTraffic& now : later) {
        const auto before = std::find_if(earlier.begin(), earlier.end(),
                                         [&](const InterfaceTraffic& interface) { return interface.name == now.name; });
        if (before != earlier.end() && before->rx_bytes <= now.rx_bytes && before->tx_bytes <= now.tx_bytes) {
            now.rx_bytes -= before->rx_bytes;
            now.tx_bytes -= before->tx_bytes;
        }
    }
    return later;
}

} // namespace socktally
