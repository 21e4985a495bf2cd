// SPDX-License-Identifier: MIT
#include "model/identity.hpp"

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

Identity common(const Identity& a, const Identity& b)
{
    Identity both;
    const auto keep = [&](auto Identity::*field) {
        if (a.*field == b.*field) {
            both.*field = a.*field;
        }
    };
    keep(&Identity::command);
    keep(&Identity::exe);
    keep(&Identity::parent);
    keep(&Identity::cgroup);
    keep(&Identity::unit);
    keep(&Identity::container);
    keep(&Identity::container_id);
    keep(&Identity::image);
    keep(&Identity::pod);
    keep(&Identity::pod_uid);
    keep(&Identity::pod_namespace);
    keep(&Identity::published);
    keep(&Identity::proxied);
    return both;
}

} // namespace socktally
