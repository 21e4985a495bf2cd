// SPDX-License-Identifier: MIT
// One run of --since, around the sampling: holds the state file, subtracts the last run from the totals, and leaves
// the state to the run after.
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
    /// Locks the state file and reads it. Says on standard error if it is of no use and the run begins anew. Throws if
    /// it is of runs that print something else. What is given has to outlive this.
    SinceRun(const Options& options, const OutputPlan& plan);

    /// To be called before the sample is taken. `namespaces` are those that are printed; empty: all.
    void begin(const std::vector<Inode>& namespaces);
    /// Turns totals into what moved since the last run.
    void subtract(BackendResult& result);
    /// To be called before the report is printed: puts into it when its interval began, and writes the new state beside
    /// the old one.
    void prepare(Report& report);
    /// The new state takes the place of the old one.
    void commit() { file_.replace(); }

private:
    /// Whether what the open sockets had moved may be in figures of runs before.
    enum class Totals : std::uint8_t { are_new, may_be_old };
    void begin_anew(const std::string& why, Totals totals);
    Note anew_note() const;
    void accumulate_series(Report& report);

    const Options& options_;
    const OutputPlan& plan_;
    StateFile file_;
    std::optional<State> before_;
    std::string anew_; // why the run begins anew; empty if it does not, or is the first
    Totals totals_ = Totals::are_new;
    std::vector<GrowingSeries> series_; // of the runs before, even if nothing else of them is of use
    std::vector<Inode> namespaces_;
    State next_;
};

/// Returns why `before` says nothing about the moment of `now`; empty if it does.
std::string why_unfit(const State& before, const State& now);

/// Adds what has `moved` to the series `before`. New series are taken, the largest first, until there are `most`; the
/// others are added to the one with the labels `rest`, which is last. A series stays once it was there, so none
/// shrinks.
std::vector<GrowingSeries> accumulate(std::vector<GrowingSeries> before, std::vector<GrowingSeries> moved,
                                      std::size_t most, const GrowingSeries::Labels& rest);

/// run_sample() with --since.
Exit run_since(const Options& options, const OutputPlan& plan, const Output& output,
               std::span<const BackendEntry> table);

} // namespace socktally
