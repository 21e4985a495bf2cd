// SPDX-License-Identifier: MIT
// Parses the files and answers of container engines. Pure: JSON text in, plain data out. All input is
// hostile: ids are checked, names that no engine would give are left out, endless nesting is refused.
#pragma once

#include "model/identity.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Raw bytes; null if the text lacks them. The id is checked (is_container_id), except in parse_runtime_config, whose
/// file has none.
struct ContainerFacts {
    std::string id;
    std::optional<std::string> name;
    std::optional<std::string> image;
    std::optional<std::string> pod;
    std::optional<std::string> pod_namespace;
    std::optional<std::vector<PublishedPort>> ports;
};

/// Null if the text is not JSON of that kind. Entries of a list that make no sense are left out.
using ContainerList = std::optional<std::vector<ContainerFacts>>;

/// Docker's containers/ID/config.v2.json.
std::optional<ContainerFacts> parse_docker_config(std::string_view text);
/// Docker's GET /containers/json.
ContainerList parse_docker_list(std::string_view text);
/// containers.json of containers/storage (Podman, CRI-O), with JSON in a string called `metadata`.
ContainerList parse_storage_list(std::string_view text);
/// Podman's GET /libpod/containers/json?namespace=true&pod=true.
ContainerList parse_podman_list(std::string_view text);
/// Parses what CNI, the network of Podman up to 4, stores about a container: the published ports, and as `pod` the name
/// of its pod, or its own name if it is in no pod.
std::optional<ContainerFacts> parse_cni_result(std::string_view text);
/// The annotations in an OCI runtime's config.json, of containerd and of CRI-O.
std::optional<ContainerFacts> parse_runtime_config(std::string_view text);
/// `data-root` of Docker's daemon.json; null if it is no absolute path.
std::optional<std::string> parse_docker_root(std::string_view text);

} // namespace socktally
