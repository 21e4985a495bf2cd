// SPDX-License-Identifier: MIT
// Decides when the windows of a backend begin and end. Each window begins where the last one ended. The windows follow
// a schedule that does not drift. Also waits for the end of a window, for backends that have nothing to do in the
// window.
#pragma once

#include "model/sample.hpp"
#include "traffic/backend.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace socktally {

class WindowClock {
public:
    /// One moment on two clocks: `steady` to measure time, `system` to print it.
    struct Moment {
        std::chrono::steady_clock::time_point steady;
        std::chrono::system_clock::time_point system;
    };
    static Moment now() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

    /// Returns whether no window has begun yet. The backend then still has to prepare.
    bool is_first() const { return !begun_; }

    /// Begins a window: the first one at `moment`, a later one where the last one ended. Returns the time at which the
    /// window must end. This is a multiple of `window` after the start of the schedule, so delays do not add up. It is
    /// the first multiple after `moment` that no earlier call has returned. So a window is longer if a multiple has
    /// passed before the call.
    std::chrono::steady_clock::time_point begin(std::chrono::nanoseconds window, Moment moment = now());

    enum class Ended : std::uint8_t { on_time, early };
    /// Ends the window at `moment`, where the next one begins. Writes the start and the length of the window into the
    /// sample. After an early end, the schedule starts again at `moment`, so the next window has its full length.
    void end(Sample& sample, Ended ended, Moment moment = now());

private:
    std::chrono::steady_clock::time_point first_;
    std::int64_t windows_ = 0; // number of windows from first_ to the end that begin() last returned
    std::optional<Moment> begun_;
};

/// Waits until `end`, or until a signal or the end of the command ends the window. Reports progress meanwhile.
void wait_until(std::chrono::steady_clock::time_point end, const SampleRequest& request);

/// Reads the counters of the network interfaces. Call it when the first window begins.
InterfaceCounters read_interfaces();
/// Reads the counters of the network interfaces when a window ends. Sets Sample::interfaces to the difference to
/// `counters`, and adds notes. Then stores what it has read in `counters`, for the next window.
void take_interface_deltas(InterfaceCounters& counters, Sample& sample);

/// Returns `early` if SIGUSR1 ended the window of this request, else `on_time`.
WindowClock::Ended how_ended(const SampleRequest& request);

} // namespace socktally
