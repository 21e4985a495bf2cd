// SPDX-License-Identifier: MIT
// Uses simdjson's DOM, because it checks the whole text first (On-Demand finds errors late) and refuses more than 1024
// levels of nesting. If a key is repeated, the first one counts.
#include "processes/container_json.hpp"

#include "processes/cgroup.hpp"
#include "util/number.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>

namespace socktally {

namespace {

namespace dom = simdjson::dom;

/// A value of the DOM, or the error that was met instead.
using JsonValue = simdjson::simdjson_result<simdjson::dom::element>;

/// Returns null too for an empty text, and for one longer than any name or image reference that engines allow.
std::optional<std::string> text_of(const JsonValue& value)
{
    constexpr std::size_t longest_name = 1024;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS || text.empty() || text.size() > longest_name) {
        return std::nullopt;
    }
    return std::string(text);
}

/// Returns the text of the first of these keys that has one.
std::optional<std::string> first_of(const JsonValue& object, std::initializer_list<std::string_view> keys)
{
    for (const std::string_view key : keys) {
        if (auto text = text_of(object[key])) {
            return text;
        }
    }
    return std::nullopt;
}

/// Removes the slash from Docker's "/name".
std::optional<std::string> without_slash(std::optional<std::string> name)
{
    if (name && name->starts_with('/')) {
        name->erase(0, 1);
    }
    return name && !name->empty() ? name : std::nullopt;
}

/// Calls `read` with each element of an array. Returns false if the value is no array.
template <typename Read>
bool each_of(const JsonValue& value, const Read& read)
{
    dom::array array;
    if (value.get(array) != simdjson::SUCCESS) {
        return false;
    }
    for (const dom::element element : array) {
        read(JsonValue(dom::element(element)));
    }
    return true;
}

std::vector<std::string> texts_of(const JsonValue& array)
{
    std::vector<std::string> texts;
    each_of(array, [&](const JsonValue& element) {
        if (auto text = text_of(element)) {
            texts.push_back(*std::move(text));
        }
    });
    return texts;
}

std::optional<std::string> first_text(const JsonValue& value)
{
    auto texts = texts_of(value);
    return texts.empty() ? std::nullopt : std::optional(std::move(texts.front()));
}

/// Returns the container's own name. Docker also lists the names that linked containers have for it, "/other/alias".
std::optional<std::string> own_name(const JsonValue& names)
{
    for (auto& name : texts_of(names)) {
        if (name.rfind('/') == 0) {
            return without_slash(std::move(name));
        }
    }
    return std::nullopt;
}

std::optional<std::uint16_t> port_of(const JsonValue& value)
{
    std::uint64_t number = 0;
    return value.get(number) == simdjson::SUCCESS && number > 0 && number <= UINT16_MAX
               ? std::optional(static_cast<std::uint16_t>(number))
               : std::nullopt;
}

/// Adds a published port. Engines leave out the address, or leave it empty, if the port is published on all addresses.
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

/// Parses {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "443/tcp": null}. Returns null for anything else.
std::optional<std::vector<PublishedPort>> port_map(const JsonValue& value)
{
    dom::object map;
    if (value.get(map) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    std::vector<PublishedPort> ports;
    for (const auto& field : map) {
        const std::string_view key = field.key;
        const auto slash = std::min(key.find('/'), key.size());
        each_of(JsonValue(dom::element(field.value)), [&](const JsonValue& binding) {
            add_port(ports, text_of(binding["HostIp"]), parse_port(text_of(binding["HostPort"]).value_or("")),
                     parse_port(key.substr(0, slash)), key.substr(std::min(slash + 1, key.size())));
        });
    }
    return ports;
}

/// The keys of a port in an engine's list. `range` is the key of the number of consecutive ports, which is 1 by
/// default.
struct PortKeys {
    std::string_view address;
    std::string_view host;
    std::string_view container;
    std::string_view protocol;
    std::string_view range;
};

/// Returns null if there is no such list. Engines write null as the list of a container without published ports.
std::optional<std::vector<PublishedPort>> port_list(const JsonValue& value, const PortKeys& keys)
{
    std::vector<PublishedPort> ports;
    const bool is_list = each_of(value, [&](const JsonValue& port) {
        const auto host = port_of(port[keys.host]); // absent if the port is exposed but not published
        const auto container = port_of(port[keys.container]);
        const std::uint16_t more = static_cast<std::uint16_t>(port_of(port[keys.range]).value_or(1) - 1);
        if (std::max(host.value_or(0), container.value_or(0)) + more <= UINT16_MAX) {
            add_port(ports, text_of(port[keys.address]), host, container, text_of(port[keys.protocol]).value_or(""),
                     more);
        }
    });
    const bool is_null = value.error() == simdjson::SUCCESS && value.is_null();
    return is_list || is_null ? std::optional(std::move(ports)) : std::nullopt;
}

/// Reads annotations or labels that the kubelet and CRI implementations put on a container.
void add_kubernetes(const JsonValue& labels, ContainerFacts& facts)
{
    facts.pod = first_of(labels, {"io.kubernetes.pod.name", "io.kubernetes.cri.sandbox-name"});
    facts.pod_namespace = first_of(labels, {"io.kubernetes.pod.namespace", "io.kubernetes.cri.sandbox-namespace"});
}

/// Calls `read`, which fills in facts, for each object of a list. Drops containers without a valid id.
template <typename Read>
ContainerList read_list(std::string_view text, const Read& read)
{
    dom::parser parser;
    std::vector<ContainerFacts> containers;
    const bool is_list = each_of(parser.parse(simdjson::padded_string(text)), [&](const JsonValue& container) {
        ContainerFacts facts;
        read(container, facts);
        if (is_container_id(facts.id)) {
            containers.push_back(std::move(facts));
        }
    });
    return is_list ? std::optional(std::move(containers)) : std::nullopt;
}

} // namespace

std::optional<ContainerFacts> parse_docker_config(std::string_view text)
{
    dom::parser parser;
    const JsonValue root = parser.parse(simdjson::padded_string(text));
    ContainerFacts facts;
    facts.id = text_of(root["ID"]).value_or("");
    facts.name = without_slash(text_of(root["Name"]));
    facts.image = text_of(root["Config"]["Image"]);
    facts.ports = port_map(root["NetworkSettings"]["Ports"]);
    add_kubernetes(root["Config"]["Labels"], facts);
    return is_container_id(facts.id) ? std::optional(std::move(facts)) : std::nullopt;
}

ContainerList parse_docker_list(std::string_view text)
{
    return read_list(text, [](const JsonValue& container, ContainerFacts& facts) {
        facts.id = text_of(container["Id"]).value_or("");
        facts.name = own_name(container["Names"]);
        facts.image = text_of(container["Image"]);
        facts.ports = port_list(container["Ports"], {"IP", "PublicPort", "PrivatePort", "Type", ""});
        add_kubernetes(container["Labels"], facts);
    });
}

ContainerList parse_storage_list(std::string_view text)
{
    return read_list(text, [](const JsonValue& container, ContainerFacts& facts) {
        facts.id = text_of(container["id"]).value_or("");
        facts.name = first_text(container["names"]);
        std::string_view metadata;
        if (container["metadata"].get(metadata) == simdjson::SUCCESS) {
            dom::parser inner;
            facts.image = text_of(inner.parse(simdjson::padded_string(metadata))["image-name"]);
        }
    });
}

ContainerList parse_podman_list(std::string_view text)
{
    return read_list(text, [](const JsonValue& container, ContainerFacts& facts) {
        facts.id = text_of(container["Id"]).value_or("");
        facts.name = first_text(container["Names"]);
        facts.image = text_of(container["Image"]);
        facts.pod = text_of(container["PodName"]);
        facts.ports = port_list(container["Ports"], {"host_ip", "host_port", "container_port", "protocol", "range"});
    });
}

std::optional<ContainerFacts> parse_cni_result(std::string_view text)
{
    dom::parser parser;
    const JsonValue root = parser.parse(simdjson::padded_string(text));
    ContainerFacts facts;
    facts.id = text_of(root["containerId"]).value_or("");
    facts.ports =
        port_list(root["capabilityArgs"]["portMappings"], {"hostIP", "hostPort", "containerPort", "protocol", ""})
            .value_or(std::vector<PublishedPort>());
    each_of(root["cniArgs"], [&](const JsonValue& argument) { // [["IgnoreUnknown","1"],["K8S_POD_NAME","web"]]
        const auto words = texts_of(argument);
        facts.pod = words.size() == 2 && words[0] == "K8S_POD_NAME" ? words[1] : facts.pod;
    });
    return is_container_id(facts.id) ? std::optional(std::move(facts)) : std::nullopt;
}

std::optional<ContainerFacts> parse_runtime_config(std::string_view text)
{
    dom::parser parser;
    const JsonValue root = parser.parse(simdjson::padded_string(text));
    if (root.error() != simdjson::SUCCESS || !root.is_object()) {
        return std::nullopt;
    }
    const JsonValue annotations = root["annotations"];
    ContainerFacts facts;
    facts.name =
        first_of(annotations, {"io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"});
    facts.image = first_of(annotations, {"io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"});
    add_kubernetes(annotations, facts);
    return facts;
}

std::optional<std::string> parse_docker_root(std::string_view text)
{
    dom::parser parser;
    const auto path = text_of(parser.parse(simdjson::padded_string(text))["data-root"]);
    return path && path->starts_with('/') ? path : std::nullopt;
}

} // namespace socktally
