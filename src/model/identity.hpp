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
    Endpoint host;          // endpoint on this machine; an unspecified address stands for all addresses
    std::uint16_t port = 0; // the container's
    std::string protocol;   // "tcp", "udp" or "sctp"
    std::uint16_t more = 0; // in a range: number of ports after the first, on host and container; else 0
    auto operator<=>(const PublishedPort&) const = default;
};

/// The port that a docker-proxy process forwards. The process accepts connections at the port of the host, and opens
/// connections to the port of the container.
struct ProxiedPort {
    PublishedPort published;
    Address container;
    auto operator<=>(const ProxiedPort&) const = default;
};

/// Returns the one port of `range` that is forwarded to `port` of the container.
PublishedPort port_in(const PublishedPort& range, std::uint16_t port);

std::string to_string(const PublishedPort& port); // "0.0.0.0:8080->80/tcp", "[::]:8080->80/tcp"

/// The facts about processes that must be read. `containers` stands for the names of containers, and requires `cgroup`.
/// `ports` stands for the ports that containers publish, and requires `containers`.
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

/// A fact is null if no output needs it, if it does not exist, or if it is not known. Texts are raw bytes; formats
/// escape them.
struct Identity {
    std::optional<std::string> command; // arguments of the process, separated by blanks
    std::optional<std::string> exe;
    std::optional<Pid> parent;
    std::optional<std::string> cgroup;
    std::optional<std::string> unit;
    std::optional<std::string> container; // name of the container; if not known, the first 12 digits of its id
    std::optional<std::string> container_id;
    std::optional<std::string> image;
    std::optional<std::string> pod; // name of the pod; if not known, the uid of the pod
    std::optional<std::string> pod_uid;
    std::optional<std::string> pod_namespace;
    std::vector<PublishedPort> published; // ports that the container of the process publishes
    std::optional<ProxiedPort> proxied;   // the port that the process forwards, if it is a docker-proxy
    auto operator<=>(const Identity&) const = default;
};

/// Returns the facts that are equal in `a` and `b`. All other facts are null.
Identity common(const Identity& a, const Identity& b);

} // namespace socktally
