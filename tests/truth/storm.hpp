// SPDX-License-Identifier: MIT
// Process ids that come again within moments. For workers in a pid namespace of their own.
#pragma once

#include "worker.hpp"

namespace truth {

/// False where this kernel does not let the next pid be chosen.
bool can_restart_pids();

/// Has the kernel give out pids from `first` on again, in the calling process's pid namespace.
void restart_pids(pid_t first);

/// Forks `count` short processes onto the same few pids; every third one is a client of `to`, "t-visitor", that ends
/// with `size` moved; the others are bait.
void storm(Self& self, int count, unsigned seed, const At& to, RequestReply size);

} // namespace truth
