// SPDX-License-Identifier: MIT
// One run of --since: holds the state file, subtracts the last run from the totals, and writes the state for the next
// run.
#pragma once

#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "commands/output_plan.hpp"
#include "commands/state.hpp"
#include "traffic/backend.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

class SinceRun {
public:
    /// Locks the state file and reads it. If it cannot be used, says so on standard error and begins anew. Throws if
    /// the file is of runs that print something else. The arguments must outlive this object.
    SinceRun(const Options& options, const OutputPlan& plan);

    /// Call it before the sample is taken. `namespaces` are those that are printed; empty: all.
    void begin(const std::vector<Inode>& namespaces);
    /// Replaces totals by what moved since the last run.
    void subtract(BackendResult& result);
    /// Call it before the report is printed: sets the start of the interval, and writes the new state next to the old
    /// one.
    void prepare(Report& report);
    /// Replaces the old state by the new one.
    void commit() { file_.replace(); }

private:
    /// Whether bytes in the totals of open sockets may be in the figures of earlier runs already.
    enum class Totals : std::uint8_t { are_new, may_be_old };
    void begin_anew(const std::string& why, Totals totals);
    Note anew_note() const;
    void accumulate_series(Report& report);

    const Options& options_;
    const OutputPlan& plan_;
    StateFile file_;
    std::optional<State> before_;
    std::string anew_; // why the run begins anew; empty if it does not, or is the first run
    Totals totals_ = Totals::are_new;
    std::vector<GrowingSeries> series_; // of the earlier runs, kept even if the rest of the state cannot be used
    std::vector<Inode> namespaces_;
    State next_;
};

/// Returns why `now` cannot be compared with `before`; empty if it can.
std::string why_unfit(const State& before, const State& now);

/// Adds `moved` to the series in `before`. Adds new series, the largest first, up to `most` in all; the others are
/// added to the series with the labels `rest`, which is last. A series is never removed, so none shrinks.
std::vector<GrowingSeries> accumulate(std::vector<GrowingSeries> before, std::vector<GrowingSeries> moved,
                                      std::size_t most, const GrowingSeries::Labels& rest);

/// Runs the default command with --since.
Exit run_since(const Options& options, const OutputPlan& plan, const Output& output,
               std::span<const BackendEntry> table);

} // namespace socktally
