// SPDX-License-Identifier: MIT
// Spans of time as cases write them. What a case waits for is an event; a span only sets a pace.
#pragma once

#include <chrono>

namespace truth {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

} // namespace truth
