// SPDX-License-Identifier: MIT
// Parses the files and answers of container engines. Pure: JSON text in, plain data out. The text is not trusted: ids
// are checked, impossible names are dropped, and deep nesting is refused.
#pragma once

#include "model/identity.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Facts about a container, as raw bytes. A fact is null if the text does not have it. The id is valid
/// (is_container_id). Only parse_runtime_config() leaves it empty, because its file has no id.
struct ContainerFacts {
    std::string id;
    std::optional<std::string> name;
    std::optional<std::string> image;
    std::optional<std::string> pod;
    std::optional<std::string> pod_namespace;
    std::optional<std::vector<PublishedPort>> ports;
};

/// The containers in a list; null if the text is not JSON of the expected kind. Invalid entries of the list are
/// dropped.
using ContainerList = std::optional<std::vector<ContainerFacts>>;

/// Parses a file containers/ID/config.v2.json of Docker.
std::optional<ContainerFacts> parse_docker_config(std::string_view text);
/// Parses Docker's answer to GET /containers/json.
ContainerList parse_docker_list(std::string_view text);
/// Parses containers.json of containers/storage, the library of Podman and CRI-O. In this file, the string `metadata`
/// contains JSON again.
ContainerList parse_storage_list(std::string_view text);
/// Parses Podman's answer to GET /libpod/containers/json?namespace=true&pod=true.
ContainerList parse_podman_list(std::string_view text);
/// Parses the file that CNI keeps about a container. CNI sets up networks for Podman up to version 4. Finds the
/// published ports. Sets `pod` to the name of the pod or, if the container is in no pod, to the name of the container.
std::optional<ContainerFacts> parse_cni_result(std::string_view text);
/// Parses the annotations in the file config.json that containerd and CRI-O write for an OCI runtime.
std::optional<ContainerFacts> parse_runtime_config(std::string_view text);
/// Returns `data-root` of daemon.json of Docker; null if there is none, or if it is not an absolute path.
std::optional<std::string> parse_docker_root(std::string_view text);

} // namespace socktally
