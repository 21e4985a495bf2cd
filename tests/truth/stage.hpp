// SPDX-License-Identifier: MIT
// What every case stands on: a fresh network namespace, a ledger, and the one way to measure.
#pragma once

#include "check.hpp"
#include "tool.hpp"
#include "worker.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace truth {

struct How {
    Milliseconds pace{100}; // of the windows of a series
    std::vector<std::string> arguments{};
    std::optional<Place> place{};          // where the tool runs; the stage's namespace unless told otherwise
    std::function<void()> during{};        // in place of letting every worker make one step
    std::function<Report(Tool&)> finish{}; // in place of ending the window
};

/// Windows that followed each other without a gap, and what was moved in all of them together.
struct Series {
    std::vector<Report> reports;
    Truth truth;
    std::string trace{};
};

class Stage {
public:
    Ledger& ledger() { return ledger_; }
    const Netns& netns() const { return netns_; }
    Place place() const { return {.net = &netns_}; }

    /// Starts a worker, here or elsewhere. It runs at once, up to its first step.
    Worker& start(const std::string& name, const Self::Script& script);
    Worker& start(const std::string& name, const Place& place, const Self::Script& script);

    /// Lets every worker make one step.
    void advance();
    /// Another tool that samples: what it says is read as long as a measurement lasts.
    void add_tool(Tool& tool, const std::string& backend);
    /// Has the tool watch the workers' next step.
    Measured measure(const How& how = {});
    /// The same with so many windows, one after another. The first ones follow each other at `how.pace` as long as the
    /// workers make their step; the last one ends after it. `during` and `finish` are not used.
    Series measure_series(int windows, const How& how);
    /// So many windows of this length by the clock; the last ones have no traffic as a rule.
    Series measure_clocked(int windows, Milliseconds length);
    /// Runs the tool without a window and holds it against everything that was ever moved.
    Measured totals(const How& how = {});

private:
    class Watch;

    /// Waits until no worker is on its way to its next step, and reads the trace meanwhile.
    void await() { await_until(std::chrono::steady_clock::time_point::max()); }
    /// Returns true if no worker is on its way, false if the time has come.
    bool await_until(std::chrono::steady_clock::time_point time);
    void let_go();
    static std::runtime_error with_trace(const std::exception& error, const Tool& tool);

    Ledger ledger_;
    Netns netns_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<Tool*> tools_; // that sample
};

/// For a tool in a pid namespace of its own: leaves out what goes on on this machine outside, which has no pid there.
inline const std::vector<std::string> ours_only{"--filter", "t-"};

/// The output of a run that succeeded.
Report expect_success(const Output& output);

void tell_skipped(const char* why);

/// Says why a case cannot run here; the closing line counts it.
#define TRUTH_SKIP(why)                                                                                                \
    do {                                                                                                               \
        truth::tell_skipped(why);                                                                                      \
        return;                                                                                                        \
    } while (false)

} // namespace truth
