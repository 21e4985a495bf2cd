// SPDX-License-Identifier: MIT
// Runs netstat and returns what it lists.
#pragma once

#include "traffic/faults.hpp"
#include "traffic/netstat/interface_rows.hpp"
#include "traffic/netstat/netstat_backend.hpp"
#include "traffic/netstat/socket_rows.hpp"

#include <optional>
#include <string>
#include <vector>

namespace socktally {

class NetstatLister {
public:
    explicit NetstatLister(const NetstatSystem& system) : system_(system) {}

    /// Runs netstat once. Returns why it cannot be used; empty if it can.
    std::string probe() const;
    /// Lists the sockets of a protocol. Returns null, and counts why, if that fails.
    std::optional<std::vector<NetstatRow>> sockets(Protocol protocol, Faults& faults) const;
    /// Reads the counters of the interfaces. Returns null, and counts why, if they cannot be read or are hidden.
    std::optional<std::vector<InterfaceTraffic>> interfaces(Faults& faults) const;

private:
    std::optional<std::string> run(const std::vector<std::string>& words, Faults& faults) const;

    const NetstatSystem& system_;
};

} // namespace socktally
