// SPDX-License-Identifier: MIT
// Published ports of containers as plain data, and which of them a socket's traffic came by. Pure.
#pragma once

#include "model/address.hpp"

#include <cstdint>
#include <string>

namespace socktally {

/// A port of this machine that leads to a port of a container.
struct PublishedPort {
    Endpoint host;          // the unspecified address: any of this machine's
    std::uint16_t port = 0; // the container's
    std::string protocol;   // "tcp", "udp" or "sctp"
    std::uint16_t more = 0; // so many more ports follow at both ends
    auto operator<=>(const PublishedPort&) const = default;
};

/// What a docker-proxy passes on: connections to the host's port, by connections of its own to the container's.
struct ProxiedPort {
    PublishedPort published;
    Address container;
    auto operator<=>(const ProxiedPort&) const = default;
};

/// The one of a range that leads to this port of the container.
PublishedPort port_in(const PublishedPort& range, std::uint16_t port);

std::string to_string(const PublishedPort& port); // "0.0.0.0:8080->80/tcp", "[::]:8080->80/tcp"

} // namespace socktally
