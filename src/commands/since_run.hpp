// SPDX-License-Identifier: MIT
// One run of --since, around the sampling: holds the state file, takes the run before from the totals, and leaves the
// state to the run after.
#pragma once

#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "commands/output_plan.hpp"
#include "since/advance.hpp"
#include "since/state_file.hpp"
#include "table/row.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace socktally {

class SinceRun {
public:
    /// Locks the state file and reads it. Says on standard error where it is of no use and the run begins anew. Throws
    /// where it is of runs that print something else. What is given has to outlive this.
    SinceRun(const Options& options, const OutputPlan& plan);

    /// Before the sample is taken. `namespaces` are those that are printed; empty: all.
    void begin(const std::vector<Inode>& namespaces);
    /// Turns totals into what moved since the run before.
    void subtract(BackendResult& result);
    /// Before the report goes out: puts into it when its interval began, and writes the new state beside the old one.
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
    std::optional<Baseline> before_;
    std::string anew_; // why the run begins anew; empty where it does not, or is the first
    Totals totals_ = Totals::are_new;
    std::vector<GrowingSeries> series_; // of the runs before, also where nothing else of them is of use
    Moment now_;
    Baseline next_;
};

/// run_sample() with --since.
Exit run_since(const Options& options, const OutputPlan& plan, const Output& output,
               std::span<const BackendEntry> table);

} // namespace socktally
