// SPDX-License-Identifier: MIT
// Facts about a process besides its name, and the published ports of its container, as plain data.
#pragma once

#include "model/address.hpp"
#include "model/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// A port of this machine that is forwarded to a port of a container.
struct PublishedPort {
    Endpoint host;          // unspecified: all addresses of this machine
    std::uint16_t port = 0; // the container's
    std::string protocol;   // "tcp", "udp" or "sctp"
    std::uint16_t more = 0; // the range has this many more ports, on both sides
    auto operator<=>(const PublishedPort&) const = default;
};

/// The connections that a docker-proxy forwards: it accepts them at the host's port, and connects to the container's.
struct ProxiedPort {
    PublishedPort published;
    Address container;
    auto operator<=>(const ProxiedPort&) const = default;
};

/// Returns the port of the range that is forwarded to `port` of the container.
PublishedPort port_in(const PublishedPort& range, std::uint16_t port);

std::string to_string(const PublishedPort& port); // "0.0.0.0:8080->80/tcp", "[::]:8080->80/tcp"

/// The facts to read about processes. `containers` asks for the names of containers, and includes `cgroup`; `ports`
/// asks for the ports that they publish, and includes `containers`.
struct IdentityNeeds {
    bool command = false;
    bool exe = false;
    bool parent = false;
    bool cgroup = false;
    bool containers = false;
    bool netns = false;
    bool ports = false;

    bool any() const { return command || exe || parent || cgroup || containers || netns || ports; }
};

/// A fact is null if it was not asked for, does not exist or is not known. Texts are raw bytes; formats escape them.
struct Identity {
    std::optional<std::string> command; // the arguments, separated by blanks
    std::optional<std::string> exe;
    std::optional<Pid> parent;
    std::optional<std::string> cgroup;
    std::optional<std::string> unit;
    std::optional<std::string> container; // its name; if the name is not known, the first 12 digits of its id
    std::optional<std::string> container_id;
    std::optional<std::string> image;
    std::optional<std::string> pod; // its name; if the name is not known, its uid
    std::optional<std::string> pod_uid;
    std::optional<std::string> pod_namespace;
    std::vector<PublishedPort> published; // by its container
    std::optional<ProxiedPort> proxied;   // set if the process is the docker-proxy of this port
    auto operator<=>(const Identity&) const = default;
};

/// Returns the facts that are equal in both; the others are null.
Identity common(const Identity& a, const Identity& b);

} // namespace socktally
