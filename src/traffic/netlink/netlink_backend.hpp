// SPDX-License-Identifier: MIT
// The netlink backend: sock_diag dumps at both ends of the window, destroy events and holders in between.
// Sees TCP of the current network namespace to the byte; lists UDP sockets, whose bytes the kernel does not count.
#pragma once

#include "traffic/backend.hpp"

namespace socktally {

OpenResult open_netlink(const BackendOptions& options);

} // namespace socktally
