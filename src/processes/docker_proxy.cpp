// SPDX-License-Identifier: MIT
#include "processes/docker_proxy.hpp"

#include "linux/proc.hpp"

#include <map>
#include <string>

namespace socktally {

namespace {

std::string_view next_argument(std::string_view& arguments)
{
    const auto end = arguments.find('\0');
    const std::string_view argument = arguments.substr(0, end);
    arguments.remove_prefix(end == arguments.npos ? arguments.size() : end + 1);
    return argument;
}

} // namespace

std::optional<ProxiedPort> parse_docker_proxy(std::string_view arguments)
{
    next_argument(arguments); // the program
    std::map<std::string_view, std::string_view> values;
    while (!arguments.empty()) {
        const std::string_view name = next_argument(arguments);
        if (name.starts_with('-') && !arguments.starts_with('-')) { // else a flag without value
            values.try_emplace(name, next_argument(arguments));
        }
    }
    const std::string_view protocol = values["-proto"];
    const auto host = parse_address(values["-host-ip"]);
    const auto host_port = parse_port(values["-host-port"]);
    const auto container = parse_address(values["-container-ip"]);
    const auto port = parse_port(values["-container-port"]);
    const bool is_known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
    if (!is_known || !host || !host_port || !container || !port) {
        return std::nullopt;
    }
    return ProxiedPort{{{*host, *host_port}, *port, std::string(protocol)}, *container};
}

} // namespace socktally
