// SPDX-License-Identifier: MIT
// Waiting for the end of a window, for backends with nothing to do in it.
#pragma once

#include "backend/backend.hpp"

#include <chrono>

namespace socktally {

/// Returns at `end` or once a signal has come; tells of its progress.
void wait_until(std::chrono::steady_clock::time_point end, const SampleRequest& request);

} // namespace socktally
