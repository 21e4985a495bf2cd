// SPDX-License-Identifier: MIT
// Finds the systemd unit, the container and the pod in a cgroup path. Pure: text in, plain data out.
// container_names.hpp finds the names of containers.
#pragma once

#include "model/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// The engine that runs a container, if the path shows it.
enum class Engine : std::uint8_t { docker, podman, containerd, crio, lxc, nspawn };

struct CgroupPlace {
    std::string path; // path of the cgroup, such as "/system.slice/nginx.service"; may have any bytes
    /// The systemd unit: that of the user's service manager if the path leads into one, otherwise that of the system
    /// manager. `\xNN` is unescaped.
    std::optional<std::string> unit;
    std::optional<Uid> user;                 // the user whose systemd (user@UID.service) the path leads into
    std::optional<std::string> container_id; // id of the innermost container: 64 lower-case hexadecimal digits
    std::optional<std::string> machine;      // name of a container that has no such id: LXC, systemd-nspawn
    std::optional<Engine> engine;            // engine of the innermost container
    /// The uid of the pod. Kubernetes: a UUID, or 32 digits for a static pod. Podman: 64 digits.
    std::optional<std::string> pod_uid;
};

/// Finds the unit, container and pod in a cgroup path.
CgroupPlace place_of(std::string_view path);

/// Parses /proc/PID/cgroup. For each hierarchy, the file has a line `HIERARCHY:CONTROLLERS:PATH`. Looks first at
/// version 2 (`0::`), then at the hierarchy of systemd, then at the others. Takes the first path that names a container
/// or pod. If there is none, takes the first path that is not the root; if there is none either, the root. Returns null
/// if the file has no such line.
std::optional<CgroupPlace> parse_cgroup(std::string_view text);

/// Returns whether `text` looks like the id of a container: 64 lower-case hexadecimal digits.
bool is_container_id(std::string_view text);

} // namespace socktally
