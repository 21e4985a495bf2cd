// SPDX-License-Identifier: MIT
// What the ntstat backend needs of the system. The macOS build passes the kernel control and libproc; tests pass a
// socket at whose other end they play the kernel.
#pragma once

#include "linux/fd.hpp"
#include "traffic/backend.hpp"

#include <chrono>
#include <functional>
#include <optional>

namespace socktally {

struct NtstatSystem {
    Fd control{};                                                // a connected datagram socket
    std::chrono::nanoseconds patience = std::chrono::seconds(2); // for the answer to a request
    Uid viewer;                                                  // effective user of socktally
    /// Returns the name, user and start time of a process; null if it does not exist.
    std::function<std::optional<Process>(Pid)> look_up{};
};

/// Opens the ntstat backend. It reads what the kernel tells nettop(1) about each flow, also about those that close.
OpenResult open_ntstat(const BackendOptions& options, NtstatSystem system);

} // namespace socktally
