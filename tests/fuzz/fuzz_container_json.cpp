// SPDX-License-Identifier: MIT
// What container engines write, and their answers over HTTP: every id is one, and no name is empty or without end.
#include "fuzz.hpp"
#include "linux/unix_http.hpp"
#include "processes/cgroup.hpp"
#include "processes/container_json.hpp"

#include <algorithm>

using namespace socktally;

namespace {

void check_facts(const ContainerFacts& facts)
{
    for (const auto& text : {facts.name, facts.image, facts.pod, facts.pod_namespace}) {
        require(!text || (!text->empty() && text->size() <= 1024));
    }
    for (const PublishedPort& port : facts.ports.value_or(std::vector<PublishedPort>())) {
        require(port.port != 0 && port.host.port != 0);
        require(std::max(port.port, port.host.port) + port.more <= UINT16_MAX);
    }
}

} // namespace

FUZZ_DRIVER(container_json)
{
    const std::string_view text = as_text(input);
    for (const auto parse : {parse_docker_list, parse_storage_list, parse_podman_list}) {
        for (const ContainerFacts& facts : parse(text).value_or(std::vector<ContainerFacts>())) {
            require(is_container_id(facts.id));
            check_facts(facts);
        }
    }
    for (const auto parse : {parse_docker_config, parse_cni_result}) {
        if (const auto facts = parse(text)) {
            require(is_container_id(facts->id));
            check_facts(*facts);
        }
    }
    if (const auto facts = parse_runtime_config(text)) {
        check_facts(*facts);
    }
    if (const auto root = parse_docker_root(text)) {
        require(root->starts_with('/'));
    }
    const HttpAnswer answer = parse_http_answer(text);
    require(answer.body.has_value() == answer.failure.empty());
    require(!answer.body || text.find(*answer.body) != text.npos);
}
