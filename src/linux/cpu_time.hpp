// SPDX-License-Identifier: MIT
// What the calling thread has cost so far. Not wall time: on a busy machine that would make looks rarer where they
// matter most.
#pragma once

#include <chrono>

namespace socktally {

std::chrono::nanoseconds thread_cpu_time();

} // namespace socktally
