// SPDX-License-Identifier: MIT
#include "model/published.hpp"

namespace socktally {

PublishedPort port_in(const PublishedPort& range, std::uint16_t port)
{
    PublishedPort one = range;
    one.host.port = static_cast<std::uint16_t>(range.host.port + (port - range.port));
    one.port = port;
    one.more = 0;
    return one;
}

std::string to_string(const PublishedPort& port)
{
    const std::string address = to_string(port.host.address);
    return (port.host.address.family == Family::v6 ? '[' + address + ']' : address) + ':' +
           std::to_string(port.host.port) + "->" + std::to_string(port.port) + '/' + port.protocol;
}

} // namespace socktally
