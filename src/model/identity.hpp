// SPDX-License-Identifier: MIT
// Who a process is beyond its name, as plain data. Read by the identity room, and only as far as something asks for it.
#pragma once

#include "model/ids.hpp"
#include "model/published.hpp"

#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// What has to be read. `containers` is their names, and stands for `cgroup` as well; `ports` are those that they
/// publish, and stand for `containers`.
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

/// Null: not asked for, not there, or not to be known. All text is raw bytes, escaped only by render.
struct Identity {
    std::optional<std::string> command; // arguments, with blanks between
    std::optional<std::string> exe;
    std::optional<Pid> parent;
    std::optional<std::string> cgroup;
    std::optional<std::string> unit;
    std::optional<std::string> container; // its name; where that is not known, the first 12 digits of its id
    std::optional<std::string> container_id;
    std::optional<std::string> image;
    std::optional<std::string> pod; // its name; where that is not known, its uid
    std::optional<std::string> pod_uid;
    std::optional<std::string> pod_namespace;
    std::vector<PublishedPort> published; // by its container
    std::optional<ProxiedPort> proxied;   // it is the docker-proxy of this
    auto operator<=>(const Identity&) const = default;
};

/// What both agree on; the rest is null.
Identity common(const Identity& a, const Identity& b);

} // namespace socktally
