// SPDX-License-Identifier: MIT
// Parses the counters of network interfaces that `netstat -ibn` of macOS prints. Only rows of the link layer count:
//
//   en0   1500  <Link#6>   a4:83:e7:00:00:01   4021  0  3816077  3377  0  512208  0
//
// The address may be missing, so the counters are counted from the right. A name that ends in `*` is that of an
// interface that is down. Some managed machines print 0 for all received bytes.
#pragma once

#include "model/interfaces.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace socktally {

struct InterfaceRows {
    std::vector<InterfaceTraffic> interfaces; // without the loopback device
    std::size_t garbled = 0;                  // lines about the link layer that could not be understood
    bool hides_rx_bytes = false;              // packets were received, but no bytes
};

InterfaceRows parse_netstat_interfaces(std::string_view text);

} // namespace socktally
