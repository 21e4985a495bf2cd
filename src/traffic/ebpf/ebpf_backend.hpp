// SPDX-License-Identifier: MIT
// The ebpf backend: payload is counted in the kernel, in the context of the process that moves it. This is exact for
// every process, protocol and network namespace, however many processes hold the socket and however short they live.
// Without a window it is the totals backend (totals_backend.hpp).
#pragma once

#include "traffic/backend.hpp"

namespace socktally {

OpenResult open_ebpf(const BackendOptions& options);

} // namespace socktally
