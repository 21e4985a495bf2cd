// SPDX-License-Identifier: MIT
// One run of --since, around the sampling: holds the state file, takes the run before from the totals, and leaves the
// state to the run after.
#pragma once

#include "commands/commands.hpp"
#include "commands/make_report.hpp"
#include "commands/output.hpp"
#include "model/row.hpp"
#include "since/advance.hpp"
#include "since/state_file.hpp"

#include <optional>
#include <string>

namespace socktally {

class SinceRun {
public:
    /// Locks the state file and reads it. Says on standard error where it is of no use and the run begins anew. Throws
    /// where it is of runs that print something else. What is given has to outlive this.
    SinceRun(const Options& options, const Layout& layout);

    /// Before the sample is taken, so that a connection is never counted that it cannot show. `namespaces` are those
    /// that are printed; empty: all.
    void begin(const std::vector<Inode>& namespaces);
    /// Turns totals into what moved since the run before.
    void subtract(Sample& sample);
    /// Before the report goes out: puts into it when its interval began, and writes the new state beside the old one.
    void prepare(Report& report);
    /// Once the report went out: the new state takes the place of the old one. A run that is killed before that has its
    /// figures printed again by the next one, with the same beginning.
    void commit();

private:
    void begin_anew(const std::string& why);
    void accumulate_series(Report& report);

    const Options& options_;
    const Layout& layout_;
    StateFile file_;
    std::optional<Baseline> before_;
    std::string anew_; // why the run begins anew; empty where it does not, or is the first
    bool is_foreign_ = false;
    Moment now_;
    Baseline next_;
};

/// run_sample() with --since.
Exit run_since(const Options& options, const Layout& layout, const Output& output, std::span<const BackendEntry> table);

} // namespace socktally
