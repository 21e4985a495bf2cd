// SPDX-License-Identifier: MIT
// What a cgroup path tells about a process: its systemd unit, its container, its pod. Pure: text in, plain data out.
// Names of containers are elsewhere (containers.hpp).
#pragma once

#include "model/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// What runs a container, as far as the path shows it.
enum class Engine : std::uint8_t { docker, podman, containerd, crio, lxc, nspawn };
std::string_view to_string(Engine engine); // "cri-o"

struct CgroupPlace {
    std::string path;                // "/system.slice/nginx.service", as the kernel has it: any bytes
    std::optional<std::string> unit; // of this machine's systemd, `\xNN` unescaped; the user unit where it is one
    std::optional<Uid> user;         // whose systemd (user@UID.service) made the path: nobody else vouches for it
    std::optional<std::string> container_id; // the innermost container's, 64 lower-case hexadecimal digits
    std::optional<std::string> outer_id;     // the outermost one's, where containers are nested
    std::optional<std::string> machine;      // name of a container that has no such id: LXC, systemd-nspawn
    std::optional<Engine> engine;            // of the innermost container
    std::optional<std::string> pod_uid;      // Kubernetes: a UUID, or 32 digits for a static pod; Podman: 64 digits
};

/// The place that a path of a cgroup hierarchy is.
CgroupPlace place_of(std::string_view path);

/// The content of /proc/PID/cgroup, lines of `HIERARCHY:CONTROLLERS:PATH`. Of the paths it is the one that names a
/// container, else the first that is not the root: of version 2 (`0::`), systemd's, any other's. Null: no such line.
std::optional<CgroupPlace> parse_cgroup(std::string_view text);

/// Whether `text` is a container's id: 64 lower-case hexadecimal digits.
bool is_container_id(std::string_view text);

} // namespace socktally
