// SPDX-License-Identifier: MIT
// The backends of `socktally ports`: sockets as they are now, of every kind and state, each with its owners. No bytes.
// What differs between them is who lists the sockets (sock_diag or /proc/net) and who lists their owners (/proc or a
// BPF iterator).
#pragma once

#include "traffic/backend.hpp"

#include <span>

namespace socktally {

/// Best first, as backends().
std::span<const BackendEntry> socket_lists();

} // namespace socktally
