// SPDX-License-Identifier: MIT
// Who a process is beyond its name, and the published ports of its container, as plain data.
#pragma once

#include "model/address.hpp"
#include "model/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// A port of this machine that leads to a port of a container.
struct PublishedPort {
    Endpoint host;          // the unspecified address: any of this machine's
    std::uint16_t port = 0; // the container's
    std::string protocol;   // "tcp", "udp" or "sctp"
    std::uint16_t more = 0; // so many more ports follow at both ends
    auto operator<=>(const PublishedPort&) const = default;
};

/// The connections that a docker-proxy forwards: from the host's port, through its own connections, to the container's.
struct ProxiedPort {
    PublishedPort published;
    Address container;
    auto operator<=>(const ProxiedPort&) const = default;
};

/// The one of a range that leads to this port of the container.
PublishedPort port_in(const PublishedPort& range, std::uint16_t port);

std::string to_string(const PublishedPort& port); // "0.0.0.0:8080->80/tcp", "[::]:8080->80/tcp"

/// Facts to read about processes. `containers` means their names, and includes `cgroup`; `ports` are the ports that
/// they publish, and include `containers`.
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

/// Null: not asked for, absent or unknown. All text is raw bytes, escaped only by render.
struct Identity {
    std::optional<std::string> command; // arguments, with blanks between
    std::optional<std::string> exe;
    std::optional<Pid> parent;
    std::optional<std::string> cgroup;
    std::optional<std::string> unit;
    std::optional<std::string> container; // its name; if that is not known, the first 12 digits of its id
    std::optional<std::string> container_id;
    std::optional<std::string> image;
    std::optional<std::string> pod; // its name; if that is not known, its uid
    std::optional<std::string> pod_uid;
    std::optional<std::string> pod_namespace;
    std::vector<PublishedPort> published; // by its container
    std::optional<ProxiedPort> proxied;   // it is the docker-proxy of this
    auto operator<=>(const Identity&) const = default;
};

/// Returns the facts that both share; the rest is null.
Identity common(const Identity& a, const Identity& b);

} // namespace socktally
