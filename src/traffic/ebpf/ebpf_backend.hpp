// SPDX-License-Identifier: MIT
// The ebpf backend: payload counted in the kernel, in the context of the process that moves it. Exact for every
// process, protocol and network namespace, whoever holds the socket and however short they live. Without a window it is
// the totals backend (totals_backend.hpp).
#pragma once

#include "traffic/backend.hpp"

namespace socktally {

OpenResult open_ebpf(const BackendOptions& options);

} // namespace socktally
