// SPDX-License-Identifier: MIT
#include "processes/container_ports.hpp"

#include "linux/proc.hpp"

#include <algorithm>
#include <cstdint>

namespace socktally {

namespace {

namespace dom = simdjson::dom;

std::optional<std::uint16_t> port_of(const JsonValue& value)
{
    std::uint64_t number = 0;
    return value.get(number) == simdjson::SUCCESS && number > 0 && number <= UINT16_MAX
               ? std::optional(static_cast<std::uint16_t>(number))
               : std::nullopt;
}

/// Engines leave the address out, or empty, where it is any.
void add_port(std::vector<PublishedPort>& ports, const std::optional<std::string>& address,
              std::optional<std::uint16_t> host, std::optional<std::uint16_t> container, std::string_view protocol,
              std::uint16_t more = 0)
{
    const auto parsed = parse_address(address.value_or("0.0.0.0"));
    const bool is_known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
    if (parsed && host && container && is_known) {
        ports.push_back({{*parsed, *host}, *container, std::string(protocol), more});
    }
}

} // namespace

std::optional<std::vector<PublishedPort>> port_map(const JsonValue& value)
{
    dom::object map;
    if (value.get(map) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    std::vector<PublishedPort> ports;
    for (const auto& [key, bindings] : map) {
        const auto slash = std::min(key.find('/'), key.size());
        dom::array list;
        if (bindings.get(list) != simdjson::SUCCESS || slash == key.size()) {
            continue;
        }
        for (const dom::element element : list) {
            const JsonValue binding{dom::element(element)};
            add_port(ports, text_of(binding["HostIp"]), parse_port(text_of(binding["HostPort"]).value_or("")),
                     parse_port(key.substr(0, slash)), key.substr(slash + 1));
        }
    }
    return ports;
}

std::optional<std::vector<PublishedPort>> port_list(const JsonValue& value, const PortKeys& keys)
{
    std::vector<PublishedPort> ports;
    if (value.error() == simdjson::SUCCESS && value.is_null()) {
        return ports;
    }
    dom::array list;
    if (value.get(list) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    for (const dom::element element : list) {
        const JsonValue port{dom::element(element)};
        const auto host = port_of(port[keys.host]); // none: it is exposed only
        const auto container = port_of(port[keys.container]);
        const std::uint16_t more = static_cast<std::uint16_t>(port_of(port[keys.range]).value_or(1) - 1);
        if (std::max(host.value_or(0), container.value_or(0)) + more <= UINT16_MAX) {
            add_port(ports, text_of(port[keys.address]), host, container, text_of(port[keys.protocol]).value_or(""),
                     more);
        }
    }
    return ports;
}

} // namespace socktally
