// SPDX-License-Identifier: MIT
// When the windows of a backend begin and end: each where the one before ended, on a schedule that does not drift; and
// waiting for the end, for backends with nothing to do in between.
#pragma once

#include "model/sample.hpp"
#include "traffic/backend.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace socktally {

class WindowClock {
public:
    /// One moment on two clocks: one to measure by, and one for people.
    struct Moment {
        std::chrono::steady_clock::time_point steady;
        std::chrono::system_clock::time_point system;
    };
    static Moment now() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

    /// Returns whether no window has begun yet, so that the first preparations are still to be made.
    bool is_first() const { return !begun_; }

    /// Begins the first window at `moment`; every later window has begun where the window before ended. Returns when
    /// the window shall end: a whole number of windows after the first began, so that delays never add up. Skips an end
    /// that has passed already, and the end that was due for the last window if that window ended a little early: the
    /// window is that much longer.
    std::chrono::steady_clock::time_point begin(std::chrono::nanoseconds window, Moment moment = now());

    enum class Ended : std::uint8_t { on_time, early };
    /// The window ends at `moment`, where the next one begins. Writes the start and the length of the window into the
    /// sample. After an early end the schedule begins anew: the next window has its full length.
    void end(Sample& sample, Ended ended, Moment moment = now());

private:
    std::chrono::steady_clock::time_point first_;
    std::int64_t windows_ = 0; // from there to the last end that begin() gave
    std::optional<Moment> begun_;
};

/// Waits until `end` or until a signal ends the window, and reports progress.
void wait_until(std::chrono::steady_clock::time_point end, const SampleRequest& request);

/// Reads the counters of the network interfaces when the first window begins.
InterfaceCounters read_interfaces();
/// Reads them when a window ends, and sets in the sample what moved since they had the values `counters`, with notes.
/// The next window begins with the values that were read.
void take_interface_deltas(InterfaceCounters& counters, Sample& sample);

/// Returns whether SIGUSR1 ended the window of this request early.
WindowClock::Ended how_ended(const SampleRequest& request);

} // namespace socktally
