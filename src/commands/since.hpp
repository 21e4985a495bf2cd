// SPDX-License-Identifier: MIT
// One run of --since: locks and reads the state file, subtracts the totals of the last run, and writes the state for
// the next run.
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
    /// Locks the state file and reads it. If its content is not usable, prints a message and begins anew, as if there
    /// had been no earlier run. Throws if earlier runs with this file printed other series. The arguments must outlive
    /// this object.
    SinceRun(const Options& options, const OutputPlan& plan);

    /// Call it before the sample is taken. `namespaces` are the network namespaces that will be printed; empty: all.
    void begin(const std::vector<Inode>& namespaces);
    /// Replaces the totals in `result` by their growth since the last run.
    void subtract(BackendResult& result);
    /// Call it before the report is printed. Sets Report::since and the series of the report. Writes the new state to a
    /// temporary file beside the state file.
    void prepare(Report& report);
    /// Replaces the state file by the temporary file.
    void commit() { file_.replace(); }

private:
    /// Whether the totals of open sockets may contain bytes that earlier runs have printed.
    enum class Totals : std::uint8_t { are_new, may_be_old };
    void begin_anew(const std::string& why, Totals totals);
    Note anew_note() const;
    void accumulate_series(Report& report);

    const Options& options_;
    const OutputPlan& plan_;
    StateFile file_;
    std::optional<State> before_;
    std::string anew_; // reason to begin anew; empty if this run is the first, or continues an earlier run
    Totals totals_ = Totals::are_new;
    std::vector<GrowingSeries> series_; // series of earlier runs; kept even if the rest of the state is not usable
    std::vector<Inode> namespaces_;
    State next_;
};

/// Returns the reason why the totals of `now` cannot be compared with `before`; empty if they can.
std::string why_unfit(const State& before, const State& now);

/// Adds `moved` to the series in `before`. Appends series with new labels, the largest first, up to `most` series in
/// all. Adds the remaining new series to one series with the labels `rest`, which is always the last. No series is
/// removed or shrinks.
std::vector<GrowingSeries> accumulate(std::vector<GrowingSeries> before, std::vector<GrowingSeries> moved,
                                      std::size_t most, const GrowingSeries::Labels& rest);

/// Runs the default command with --since.
Exit run_since(const Options& options, const OutputPlan& plan, const Output& output,
               std::span<const BackendEntry> table);

} // namespace socktally
