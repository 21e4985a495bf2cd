// SPDX-License-Identifier: MIT
#include "report/coverage.hpp"

#include <algorithm>

namespace socktally {

Coverage::Verdict Coverage::add(TimePoint begin, std::chrono::nanoseconds duration, std::size_t text)
{
    const Stretch added{begin, begin + std::min(duration, TimePoint::max() - begin), text};
    Verdict verdict = Verdict::fresh;
    if (begin < latest_ || added.end == latest_) { // else it is later than all others, as most are
        const auto overlaps = [&](const Stretch& other) {
            const auto shorter = std::min(other.end - other.begin, duration);
            return std::min(other.end, added.end) - std::max(other.begin, begin) > shorter / 100;
        };
        if (std::find(stretches_.begin(), stretches_.end(), added) != stretches_.end()) {
            return Verdict::repeated;
        }
        if (std::any_of(stretches_.begin(), stretches_.end(), overlaps)) {
            verdict = Verdict::overlapping;
        }
    }
    stretches_.push_back(added);
    latest_ = std::max(latest_, added.end);
    if (stretches_.size() == most) {
        join_neighbours();
    }
    return verdict;
}

void Coverage::join_neighbours()
{
    std::sort(stretches_.begin(), stretches_.end(),
              [](const Stretch& a, const Stretch& b) { return a.begin < b.begin; });
    for (std::size_t i = 0; i < most / 2; ++i) {
        const Stretch& first = stretches_[2 * i];
        const Stretch& second = stretches_[2 * i + 1];
        stretches_[i] = {first.begin, std::max(first.end, second.end), 0};
    }
    stretches_.resize(most / 2);
}

} // namespace socktally
