// SPDX-License-Identifier: MIT
// Parses the files and answers of container engines. Pure: JSON text in, plain data out. All input is hostile: ids are
// checked, impossible names are dropped, endless nesting is refused.
#pragma once

#include "model/identity.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Raw bytes; null if the text does not have the fact. The id is checked (is_container_id), except by
/// parse_runtime_config(), whose file has no id.
struct ContainerFacts {
    std::string id;
    std::optional<std::string> name;
    std::optional<std::string> image;
    std::optional<std::string> pod;
    std::optional<std::string> pod_namespace;
    std::optional<std::vector<PublishedPort>> ports;
};

/// Null if the text is not JSON of the expected kind. Invalid entries of a list are dropped.
using ContainerList = std::optional<std::vector<ContainerFacts>>;

/// Parses Docker's containers/ID/config.v2.json.
std::optional<ContainerFacts> parse_docker_config(std::string_view text);
/// Parses Docker's answer to GET /containers/json.
ContainerList parse_docker_list(std::string_view text);
/// Parses containers.json of containers/storage (Podman, CRI-O), which has JSON in a string called `metadata`.
ContainerList parse_storage_list(std::string_view text);
/// Parses Podman's answer to GET /libpod/containers/json?namespace=true&pod=true.
ContainerList parse_podman_list(std::string_view text);
/// Parses a container's file of CNI, the network of Podman up to version 4: the published ports, and as `pod` the name
/// of the container's pod, or of the container if it is in no pod.
std::optional<ContainerFacts> parse_cni_result(std::string_view text);
/// Parses the annotations in the config.json of an OCI runtime, as containerd and CRI-O write them.
std::optional<ContainerFacts> parse_runtime_config(std::string_view text);
/// Returns `data-root` of Docker's daemon.json; null if it is not an absolute path.
std::optional<std::string> parse_docker_root(std::string_view text);

} // namespace socktally
