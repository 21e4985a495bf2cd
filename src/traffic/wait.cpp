// SPDX-License-Identifier: MIT
#include "traffic/wait.hpp"

#include "linux/interrupt.hpp"

#include <algorithm>

namespace socktally {

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

WindowClock::Ended how_ended(const SampleRequest& request)
{
    return request.interrupt->ends_early() ? WindowClock::Ended::early : WindowClock::Ended::on_time;
}

} // namespace socktally
