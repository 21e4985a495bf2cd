// SPDX-License-Identifier: MIT
// What the netstat backend needs of the system. The macOS build passes the real programs and libproc; tests pass their
// own programs and processes.
#pragma once

#include "traffic/backend.hpp"
#include "traffic/netstat/program.hpp"

#include <functional>
#include <optional>
#include <string>

namespace socktally {

struct NetstatSystem {
    std::string netstat = "/usr/sbin/netstat";
    std::string lsof = "/usr/sbin/lsof";
    ProgramLimits limits{};
    unsigned darwin = 0; // major version of the kernel: macOS 14 has 23, macOS 15 has 24
    Uid viewer;          // effective user of socktally
    /// Returns the name, user and start time of a process; null if it does not exist.
    std::function<std::optional<Process>(Pid)> look_up;
};

/// Opens the netstat backend. It lists the sockets with netstat(1) at both ends of the window, and subtracts.
OpenResult open_netstat(const BackendOptions& options, NetstatSystem system);

} // namespace socktally
