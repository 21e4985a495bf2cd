// SPDX-License-Identifier: MIT
// simdjson's DOM, which looks at the whole text before it says yes (On-Demand would find errors late) and ends at a
// depth of 1024. Of a key that is there twice the first counts.
#include "processes/container_json.hpp"

#include "processes/cgroup.hpp"
#include "processes/container_ports.hpp"
#include "processes/json_value.hpp"

#include <initializer_list>
#include <utility>

namespace socktally {

namespace {

namespace dom = simdjson::dom;

/// The first of these keys that has a text.
std::optional<std::string> first_of(const JsonValue& object, std::initializer_list<std::string_view> keys)
{
    for (const std::string_view key : keys) {
        if (auto text = text_of(object[key])) {
            return text;
        }
    }
    return std::nullopt;
}

/// Docker writes "/name".
std::optional<std::string> without_slash(std::optional<std::string> name)
{
    if (name && name->starts_with('/')) {
        name->erase(0, 1);
    }
    return name && !name->empty() ? name : std::nullopt;
}

/// The texts of an array.
std::vector<std::string> texts_of(const JsonValue& value)
{
    std::vector<std::string> texts;
    dom::array array;
    if (value.get(array) == simdjson::SUCCESS) {
        for (const dom::element element : array) {
            if (auto text = text_of(JsonValue(dom::element(element)))) {
                texts.push_back(*std::move(text));
            }
        }
    }
    return texts;
}

std::optional<std::string> first_text(const JsonValue& value)
{
    auto texts = texts_of(value);
    return texts.empty() ? std::nullopt : std::optional(std::move(texts.front()));
}

/// Of a linked container Docker also tells the names that others have for it, "/other/alias".
std::optional<std::string> own_name(const JsonValue& names)
{
    for (auto& name : texts_of(names)) {
        if (name.rfind('/') == 0) {
            return without_slash(std::move(name));
        }
    }
    return std::nullopt;
}

/// Annotations or labels that the kubelet's and CRI's implementations put on a container.
void add_kubernetes(const JsonValue& labels, ContainerFacts& facts)
{
    facts.pod = first_of(labels, {"io.kubernetes.pod.name", "io.kubernetes.cri.sandbox-name"});
    facts.pod_namespace = first_of(labels, {"io.kubernetes.pod.namespace", "io.kubernetes.cri.sandbox-namespace"});
}

/// Calls `read` with each object of a list; it fills in what it finds, and without an id the rest is nothing.
template <typename Read>
ContainerList read_list(std::string_view text, const Read& read)
{
    dom::parser parser;
    dom::array list;
    if (parser.parse(simdjson::padded_string(text)).get(list) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    std::vector<ContainerFacts> containers;
    for (const dom::element container : list) {
        ContainerFacts facts;
        read(JsonValue(dom::element(container)), facts);
        if (is_container_id(facts.id)) {
            containers.push_back(std::move(facts));
        }
    }
    return containers;
}

/// The object that `text` is. Points into `parser`.
std::optional<JsonValue> read_object(dom::parser& parser, std::string_view text)
{
    dom::element root;
    if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS || !root.is_object()) {
        return std::nullopt;
    }
    return JsonValue(dom::element(root));
}

} // namespace

std::optional<ContainerFacts> parse_docker_config(std::string_view text)
{
    dom::parser parser;
    const auto root = read_object(parser, text);
    if (!root) {
        return std::nullopt;
    }
    ContainerFacts facts;
    facts.id = text_of((*root)["ID"]).value_or("");
    facts.name = without_slash(text_of((*root)["Name"]));
    facts.image = text_of((*root)["Config"]["Image"]);
    facts.ports = port_map((*root)["NetworkSettings"]["Ports"]);
    add_kubernetes((*root)["Config"]["Labels"], facts);
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
        dom::parser inner;
        if (container["metadata"].get(metadata) != simdjson::SUCCESS) {
            return;
        }
        if (const auto root = read_object(inner, metadata)) {
            facts.image = text_of((*root)["image-name"]);
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
    const auto root = read_object(parser, text);
    if (!root) {
        return std::nullopt;
    }
    ContainerFacts facts;
    facts.id = text_of((*root)["containerId"]).value_or("");
    facts.ports =
        port_list((*root)["capabilityArgs"]["portMappings"], {"hostIP", "hostPort", "containerPort", "protocol", ""})
            .value_or(std::vector<PublishedPort>());
    dom::array arguments; // [["IgnoreUnknown","1"],["K8S_POD_NAME","web"]]
    if ((*root)["cniArgs"].get(arguments) == simdjson::SUCCESS) {
        for (const dom::element argument : arguments) {
            const auto words = texts_of(JsonValue(dom::element(argument)));
            facts.pod = words.size() == 2 && words[0] == "K8S_POD_NAME" ? words[1] : facts.pod;
        }
    }
    return is_container_id(facts.id) ? std::optional(std::move(facts)) : std::nullopt;
}

std::optional<ContainerFacts> parse_runtime_config(std::string_view text)
{
    dom::parser parser;
    const auto root = read_object(parser, text);
    if (!root) {
        return std::nullopt;
    }
    const JsonValue annotations = (*root)["annotations"];
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
    const auto root = read_object(parser, text);
    const auto path = root ? text_of((*root)["data-root"]) : std::nullopt;
    return path && path->starts_with('/') ? path : std::nullopt;
}

} // namespace socktally
