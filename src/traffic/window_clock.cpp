// SPDX-License-Identifier: MIT
#include "traffic/window_clock.hpp"

#include <algorithm>

namespace socktally {

std::chrono::steady_clock::time_point WindowClock::begin(std::chrono::nanoseconds window, Moment moment)
{
    if (is_first()) {
        begun_ = moment;
        first_ = moment.steady;
    }
    windows_ = std::max<std::int64_t>(windows_, (moment.steady - first_) / window) + 1;
    return first_ + windows_ * window;
}

void WindowClock::end(Sample& sample, Ended ended, Moment moment)
{
    sample.started_at = begun_->system;
    sample.duration = moment.steady - begun_->steady;
    begun_ = moment;
    if (ended == Ended::early) {
        first_ = moment.steady;
        windows_ = 0;
    }
}

} // namespace socktally
