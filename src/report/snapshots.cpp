// SPDX-License-Identifier: MIT
#include "report/snapshots.hpp"

namespace socktally {

Snapshots::Finding Snapshots::find(const SnapshotParser& parser)
{
    using Verdict = Coverage::Verdict;
    const Heading& heading = parser.heading();
    Origin& origin = origin_of(heading);
    if (!parser.is_document() && continues(origin, heading)) {
        return {false, origin.verdict};
    }
    Verdict verdict = origin.coverage.add(heading.started_at, heading.duration, parser.text_hash());
    if (verdict == Verdict::overlapping && !heading.host) { // it may be of any host, or a report of several
        verdict = Verdict::fresh;
    }
    origin.input = parser.is_document() ? 0 : input_;
    origin.started_at = heading.started_at;
    origin.duration = heading.duration;
    origin.by = heading.by;
    origin.complete = heading.complete;
    origin.verdict = verdict;
    return {true, verdict};
}

/// Drivers count what sockets do, so the two are no copies of each other.
Snapshots::Origin& Snapshots::origin_of(const Heading& heading)
{
    const bool is_of_interfaces = heading.by == GroupBy::interface;
    if (last_ == nullptr || last_host_ != heading.host || last_boot_id_ != heading.boot_id ||
        last_is_of_interfaces_ != is_of_interfaces) {
        std::string key(heading.host.value_or(""));
        key.append(1, is_of_interfaces ? '\1' : '\0').append(heading.boot_id.value_or(""));
        last_ = &origins_[key];
        last_host_ = heading.host;
        last_boot_id_ = heading.boot_id;
        last_is_of_interfaces_ = is_of_interfaces;
    }
    return *last_;
}

bool Snapshots::continues(const Origin& origin, const Heading& heading) const
{
    return origin.input == input_ && heading.started_at == origin.started_at && heading.duration == origin.duration &&
           heading.by == origin.by && heading.complete == origin.complete;
}

} // namespace socktally
