// SPDX-License-Identifier: MIT
// How slow this machine is: windows and lifetimes are stretched by SOCKTALLY_TRUTH_SLOWNESS, a whole number, for
// sanitizers and emulation.
#pragma once

#include <chrono>
#include <cstdlib>

namespace truth {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

inline Milliseconds stretched(Milliseconds time)
{
    const char* slowness = std::getenv("SOCKTALLY_TRUTH_SLOWNESS");
    return time * (slowness && *slowness ? std::strtol(slowness, nullptr, 10) : 1);
}

} // namespace truth
