// SPDX-License-Identifier: MIT
// Interfaces that netstat of macOS prints.
#include "fuzz.hpp"
#include "traffic/netstat/interface_rows.hpp"

using namespace socktally;

FUZZ_DRIVER(netstat_interfaces)
{
    const InterfaceRows parsed = parse_netstat_interfaces(as_text(input));
    require(parsed.interfaces.size() <= input.size());
    for (const InterfaceTraffic& interface : parsed.interfaces) {
        require(interface.index > 0 && interface.name != "lo0" && interface.name.size() <= input.size());
        require(!parsed.hides_rx_bytes || interface.rx_bytes == 0);
    }
}
