// SPDX-License-Identifier: MIT
#include "backend/window_clock.hpp"

namespace socktally {

std::chrono::steady_clock::time_point WindowClock::begin(std::chrono::nanoseconds window, Moment moment)
{
    if (is_first()) {
        begun_ = moment;
        first_ = moment.steady;
    }
    const auto windows_over = (moment.steady - first_) / window;
    return first_ + (windows_over + 1) * window;
}

void WindowClock::end(Sample& sample, Moment moment)
{
    sample.started_at = begun_->system;
    sample.duration = moment.steady - begun_->steady;
    begun_ = moment;
}

Note WindowClock::note_of_lists()
{
    return {"between-windows",
            "of what moved while one window was read out, some may be missing, have no owner, or be in the next one",
            "use ebpf, or one window", true};
}

} // namespace socktally
