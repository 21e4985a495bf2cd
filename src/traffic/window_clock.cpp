// SPDX-License-Identifier: MIT
#include "traffic/window_clock.hpp"

#include "linux/interfaces.hpp"
#include "linux/interrupt.hpp"

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

void wait_until(std::chrono::steady_clock::time_point end, const SampleRequest& request)
{
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::milliseconds progress_interval{250};
    const auto begun = Clock::now();
    for (auto now = begun; now < end && !request.interrupt->ends_window(); now = Clock::now()) {
        request.tell(now - begun);
        request.interrupt->wait_until(std::min(end, now + progress_interval), -1);
    }
}

InterfaceCounters read_interfaces()
{
    InterfaceCounters counters{read_interface_counters()};
    for (const InterfaceTraffic& interface : counters.each) {
        counters.latest = std::max(counters.latest, interface.index);
    }
    return counters;
}

void take_interface_deltas(InterfaceCounters& counters, Sample& sample)
{
    sample.interfaces = read_interface_counters();
    counters = subtract(counters, sample);
}

WindowClock::Ended how_ended(const SampleRequest& request)
{
    return request.interrupt->ends_early() ? WindowClock::Ended::early : WindowClock::Ended::on_time;
}

} // namespace socktally
