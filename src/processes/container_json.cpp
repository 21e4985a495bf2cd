// SPDX-License-Identifier: MIT
// Uses the DOM parser of simdjson. It checks the whole text first and refuses more than 1024 levels of nesting. The
// On-Demand parser of simdjson would find an error only after it has returned values. If a key is repeated, its first
// value counts.
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

/// A value in the DOM, or the error that says why there is no value.
using JsonValue = simdjson::simdjson_result<simdjson::dom::element>;

/// Returns the text of a JSON string. Returns null if the value is not a string, is empty, or is longer than engines
/// allow for any name or image reference.
std::optional<std::string> text_of(const JsonValue& value)
{
    constexpr std::size_t longest_name = 1024;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS || text.empty() || text.size() > longest_name) {
        return std::nullopt;
    }
    return std::string(text);
}

/// Returns the text of the first key in `keys` that has a text; null if none has.
std::optional<std::string> first_of(const JsonValue& object, std::initializer_list<std::string_view> keys)
{
    for (const std::string_view key : keys) {
        if (auto text = text_of(object[key])) {
            return text;
        }
    }
    return std::nullopt;
}

/// Removes the slash from a name such as "/web", as Docker writes it. Returns null if nothing is left.
std::optional<std::string> without_slash(std::optional<std::string> name)
{
    if (name && name->starts_with('/')) {
        name->erase(0, 1);
    }
    return name && !name->empty() ? name : std::nullopt;
}

/// Calls `read` with each element of an array. Returns false if the value is not an array.
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

/// Returns the container's own name, the one with a single slash. If another container is linked to this one, Docker
/// also lists an alias such as "/other/alias".
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

/// Adds a published port, unless its data is invalid. If a port is published on all addresses, engines leave the
/// address out or leave it empty.
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

/// Parses a map of ports, `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "443/tcp": null}`. Returns null if
/// the value is not a JSON object.
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

/// The keys that an engine uses for a port in its list. `range` is the key for the number of consecutive ports. If a
/// port has no such key, the number is 1.
struct PortKeys {
    std::string_view address;
    std::string_view host;
    std::string_view container;
    std::string_view protocol;
    std::string_view range;
};

/// Returns the published ports; null if the value is not a list. JSON null counts as an empty list, because engines
/// write null for a container without published ports.
std::optional<std::vector<PublishedPort>> port_list(const JsonValue& value, const PortKeys& keys)
{
    std::vector<PublishedPort> ports;
    const bool is_list = each_of(value, [&](const JsonValue& port) {
        const auto host = port_of(port[keys.host]); // null if the port is exposed but not published
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

/// Reads the pod and its namespace from annotations or labels that the kubelet or a container runtime (CRI) gives to a
/// container.
void add_kubernetes(const JsonValue& labels, ContainerFacts& facts)
{
    facts.pod = first_of(labels, {"io.kubernetes.pod.name", "io.kubernetes.cri.sandbox-name"});
    facts.pod_namespace = first_of(labels, {"io.kubernetes.pod.namespace", "io.kubernetes.cri.sandbox-namespace"});
}

/// Parses a list of containers. Calls `read` for each JSON object, to fill in the facts of its container. Drops
/// containers without a valid id.
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
    // the value looks like [["IgnoreUnknown","1"],["K8S_POD_NAME","web"]]
    each_of(root["cniArgs"], [&](const JsonValue& argument) {
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
