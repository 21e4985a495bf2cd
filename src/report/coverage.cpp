// SPDX-License-Identifier: MIT
#include "report/coverage.hpp"

#include <algorithm>

namespace socktally {

Coverage::Verdict Coverage::add(TimePoint begin, std::chrono::nanoseconds duration, std::size_t text)
{
    const Stretch added{begin, begin + std::min(duration, TimePoint::max() - begin), text};
    const auto ends_before = [](const Stretch& stretch, TimePoint time) { return stretch.end < time; };
    Verdict verdict = Verdict::fresh;
    for (auto other = std::lower_bound(stretches_.begin(), stretches_.end(), begin, ends_before);
         other != stretches_.end(); ++other) {
        if (*other == added) {
            return Verdict::repeated;
        }
        const auto shorter = std::min(other->end - other->begin, duration);
        if (std::min(other->end, added.end) - std::max(other->begin, begin) > shorter / 100) {
            verdict = Verdict::overlapping;
        }
    }
    stretches_.insert(std::lower_bound(stretches_.begin(), stretches_.end(), added.end, ends_before), added);
    if (stretches_.size() == most) {
        join_neighbours();
    }
    return verdict;
}

void Coverage::join_neighbours()
{
    for (std::size_t i = 0; i < most / 2; ++i) {
        const Stretch& first = stretches_[2 * i];
        const Stretch& second = stretches_[2 * i + 1];
        stretches_[i] = {std::min(first.begin, second.begin), second.end, 0};
    }
    stretches_.resize(most / 2);
}

/// Finds the snapshot of the parsed text. A snapshot of interfaces does not repeat a snapshot of sockets that covers
/// the same time, so the two belong to separate sources.
Snapshots::Finding Snapshots::find(const SnapshotParser& parser)
{
    using Verdict = Coverage::Verdict;
    const Heading& heading = parser.heading();
    key_.assign(heading.host.value_or(""));
    key_.append(1, heading.by->is_by_interface() ? '\1' : '\0').append(heading.boot_id.value_or(""));
    Source& source = sources_[key_];
    const std::size_t input = parser.is_document() ? 0 : input_;
    if (input != 0 && source.input == input && source.started_at == heading.started_at &&
        source.duration == heading.duration && source.by == *heading.by && source.complete == heading.complete) {
        return {false, source.verdict};
    }
    Verdict verdict = source.coverage.add(heading.started_at, heading.duration, parser.text_hash());
    // If the snapshot has no host name, the other window may be of another host.
    if (verdict == Verdict::overlapping && !heading.host) {
        verdict = Verdict::fresh;
    }
    source.input = input;
    source.started_at = heading.started_at;
    source.duration = heading.duration;
    source.by = *heading.by;
    source.complete = heading.complete;
    source.verdict = verdict;
    return {true, verdict};
}

} // namespace socktally
