// SPDX-License-Identifier: MIT
// Cases as processes, one each, several at a time where they cannot disturb each other. Most of a case is waiting for a
// window to end.
#pragma once

#include <cstdint>
#include <functional>

namespace truth {

/// Where a case runs.
enum class Hall : std::uint8_t {
    shared, // on this machine as it is: for a backend that sees all of it
    own, // in network, pid and mount namespaces of its own, in which a backend that enters namespaces sees nobody else
};

struct Outcome {
    int passed = 0;
    int failed = 0;
    int skipped = 0;

    Outcome& operator+=(const Outcome& other)
    {
        passed += other.passed;
        failed += other.failed;
        skipped += other.skipped;
        return *this;
    }
};

/// What `play` returns for a case that cannot run here.
inline constexpr int skipped_status = 77;

/// Has `play` run the cases 1 to `cases`, `at_once` of them at a time, each in a process that ends with the status that
/// it returns. Of several at a time the output is held back until the case is over.
Outcome run_turns(unsigned cases, unsigned at_once, Hall hall, const std::function<int(unsigned number)>& play);

} // namespace truth
