// SPDX-License-Identifier: MIT
// The ebpf backend without a window: what each open TCP socket has moved since it was opened, through BPF iterators, in
// every network namespace.
#pragma once

#include "traffic/backend.hpp"

namespace socktally {

OpenResult open_totals(const BackendOptions& options);

} // namespace socktally
