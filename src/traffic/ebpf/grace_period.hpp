// SPDX-License-Identifier: MIT
// Waiting for BPF programs that are under way, which may have looked at a variable before it was changed.
#pragma once

namespace socktally {

/// Returns when every BPF program that was running at the call is over.
void wait_for_programs();

} // namespace socktally
