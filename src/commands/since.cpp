// SPDX-License-Identifier: MIT
// The default command with --since: totals, less those of the run before.
//
// Bytes of one interval go out before the state moves on: where that fails, the next run prints them again. Counters
// hold all that was ever moved, so they go out after it: where that fails, the next run prints them and more, and none
// ever falls.
#include "commands/output.hpp"
#include "commands/sampler.hpp"
#include "commands/since_run.hpp"
#include "linux/interrupt.hpp"

#include <csignal>

namespace socktally {

Exit run_since(const Options& options, const OutputPlan& plan, const Output& output,
               std::span<const BackendEntry> table)
{
    Printer printer(options, plan, output);
    if (is_cumulative(options, plan) && !plan.alerts.empty()) {
        throw UsageError("--alert leaves rows out, and counters for Prometheus would miss them: take another format");
    }
    SinceRun since(options, plan);
    Sampler sampler(options, plan, table, &since);
    Interrupt interrupt;
    Report report = sampler.next(interrupt);
    since.prepare(report);
    if (report.cumulative) {
        since.commit();
        printer.print(report, &interrupt);
    } else {
        printer.print(report, &interrupt);
        since.commit();
    }
    interrupt.release(); // not before: a signal does not part the output from the state
    if (interrupt.signal() != 0) {
        std::raise(interrupt.signal());
    }
    return exit_of(has_alert(report, plan), report.complete, options);
}

} // namespace socktally
