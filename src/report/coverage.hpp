// SPDX-License-Identifier: MIT
// What was measured when, of one host, to tell whether a snapshot is given twice, or counts what another one has. It
// takes no more room than a thousand stretches of time do: where there are more, neighbours become one, gap and all.
#pragma once

#include "util/timestamp.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace socktally {

class Coverage {
public:
    static constexpr std::size_t most = 1024;

    enum class Verdict : std::uint8_t {
        fresh,
        repeated,    // the same window with the same text
        overlapping, // some of it is in another one, or in the gap between two that became one stretch
    };
    /// `text` is a hash of what was read of the snapshot first. Windows follow each other by a clock that people set
    /// and programs trim, so a hundredth of the shorter one is no overlap.
    Verdict add(TimePoint begin, std::chrono::nanoseconds duration, std::size_t text);

private:
    /// The window of one snapshot, or what several became.
    struct Stretch {
        TimePoint begin;
        TimePoint end;
        std::size_t text = 0;
        bool operator==(const Stretch&) const = default;
    };

    void join_neighbours();

    std::vector<Stretch> stretches_; // by their ends
};

} // namespace socktally
