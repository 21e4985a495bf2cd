// SPDX-License-Identifier: MIT
// Reads the systemd unit, the container and the pod out of a cgroup path. Pure: text in, plain data out.
// The names of containers are found in container_names.hpp.
#pragma once

#include "model/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// The engine that runs a container, as far as the path shows it.
enum class Engine : std::uint8_t { docker, podman, containerd, crio, lxc, nspawn };

struct CgroupPlace {
    std::string path;                // "/system.slice/nginx.service" in the bytes of the kernel, which may be any
    std::optional<std::string> unit; // unit of this machine's systemd, or the user unit below it; `\xNN` unescaped
    std::optional<Uid> user;         // the user whose systemd (user@UID.service) made the path
    std::optional<std::string> container_id; // id of the innermost container, 64 lower-case hexadecimal digits
    std::optional<std::string> machine;      // name of a container without such an id: LXC, systemd-nspawn
    std::optional<Engine> engine;            // of the innermost container
    std::optional<std::string> pod_uid;      // Kubernetes: a UUID, or 32 digits for a static pod; Podman: 64 digits
};

/// Reads a path of a cgroup hierarchy.
CgroupPlace place_of(std::string_view path);

/// Parses /proc/PID/cgroup, lines of `HIERARCHY:CONTROLLERS:PATH`. Takes the path that names a container, else the
/// first path that is not the root, in the order version 2 (`0::`), systemd's hierarchy, others. Returns null if there
/// is no such line.
std::optional<CgroupPlace> parse_cgroup(std::string_view text);

/// Returns whether `text` is a container's id: 64 lower-case hexadecimal digits.
bool is_container_id(std::string_view text);

} // namespace socktally
