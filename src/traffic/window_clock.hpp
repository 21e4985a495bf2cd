// SPDX-License-Identifier: MIT
// When the windows of a backend begin and end. Each begins where the last one ended, on a schedule that does not drift.
// Also waits for the end, for backends that have nothing to do meanwhile.
#pragma once

#include "model/sample.hpp"
#include "traffic/backend.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace socktally {

class WindowClock {
public:
    /// One moment on two clocks: one to measure time, and one to print it.
    struct Moment {
        std::chrono::steady_clock::time_point steady;
        std::chrono::system_clock::time_point system;
    };
    static Moment now() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

    /// Returns whether no window has begun yet, so that preparations are still to be made.
    bool is_first() const { return !begun_; }

    /// Begins the first window at `moment`; each later window began where the last one ended. Returns the time at which
    /// the window must end: a whole number of windows after the first one began, so that delays do not add up. Skips an
    /// end that has passed already, and the end that was due for the last window if that window ended a little early.
    /// The window is then longer.
    std::chrono::steady_clock::time_point begin(std::chrono::nanoseconds window, Moment moment = now());

    enum class Ended : std::uint8_t { on_time, early };
    /// Ends the window at `moment`, where the next one begins. Writes the start and the length of the window into the
    /// sample. After an early end the schedule starts again: the next window has its full length.
    void end(Sample& sample, Ended ended, Moment moment = now());

private:
    std::chrono::steady_clock::time_point first_;
    std::int64_t windows_ = 0; // number of windows from first_ to the last end that begin() returned
    std::optional<Moment> begun_;
};

/// Waits until `end`, or until a signal ends the window, and reports progress.
void wait_until(std::chrono::steady_clock::time_point end, const SampleRequest& request);

/// Reads the counters of the network interfaces when the first window begins.
InterfaceCounters read_interfaces();
/// Reads the counters when a window ends, and sets Sample::interfaces to what moved since they had the values in
/// `counters`, with notes. Then sets `counters` to the values that were read, for the next window.
void take_interface_deltas(InterfaceCounters& counters, Sample& sample);

/// Returns whether SIGUSR1 ended the window of this request early.
WindowClock::Ended how_ended(const SampleRequest& request);

} // namespace socktally
