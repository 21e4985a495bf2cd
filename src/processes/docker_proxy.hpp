// SPDX-License-Identifier: MIT
// The process that Docker starts for each published port, to pass on what the kernel's NAT does not: which port that is
// stands in its arguments. Pure.
#pragma once

#include "model/published.hpp"

#include <optional>
#include <string_view>

namespace socktally {

inline constexpr std::string_view docker_proxy_name = "docker-proxy";

/// `arguments` as in /proc/PID/cmdline, with a NUL after each: `docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port
/// 8080 -container-ip 172.17.0.2 -container-port 80`. Null where one of these is missing or makes no sense.
std::optional<ProxiedPort> parse_docker_proxy(std::string_view arguments);

} // namespace socktally
