// SPDX-License-Identifier: MIT
// Waiting for the end of a window, for backends with nothing to do in it.
#pragma once

#include "traffic/backend.hpp"
#include "traffic/window_clock.hpp"

#include <chrono>

namespace socktally {

/// Returns at `end` or once a signal ends the window; tells of its progress.
void wait_until(std::chrono::steady_clock::time_point end, const SampleRequest& request);

/// Returns whether SIGUSR1 ended the window of this request early.
WindowClock::Ended how_ended(const SampleRequest& request);

} // namespace socktally
