// SPDX-License-Identifier: MIT
// From totals since each socket was opened to what moved since the run before, and the baseline for the run after.
// Pure.
#pragma once

#include "since/baseline.hpp"
#include "traffic/backend.hpp"

#include <optional>
#include <string>
#include <vector>

namespace socktally {

/// What a run has to know besides its sample.
struct Moment {
    std::string boot_id;
    Inode netns;
    std::chrono::nanoseconds uptime{0};
    ListedNamespaces listed{};
    std::vector<Inode> wanted{}; // the namespaces that notes are to be about; empty: all
};

/// Why `before` says nothing about this moment; empty where it does.
std::string why_unfit(const Baseline& before, const Moment& now);

/// `sample` has no window: its figures become what moved since `before`, its window begins there, and what could not be
/// seen is added to its notes. Without `before` its figures stay what they are. The new baseline has no series.
///
/// The sum of all runs is what the counters came to at last: where they step back by the byte or two by which they may
/// be off, the higher figure stays, and no byte is counted again.
Baseline advance(const std::optional<Baseline>& before, const Moment& now, Sample& sample);

} // namespace socktally
