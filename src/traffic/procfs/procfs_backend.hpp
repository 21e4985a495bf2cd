// SPDX-License-Identifier: MIT
// The procfs backend: which process has how many sockets, from the lists in /proc/net. What remains where nothing else
// works: it counts no bytes.
#pragma once

#include "traffic/backend.hpp"

namespace socktally {

OpenResult open_procfs(const BackendOptions& options);

} // namespace socktally
