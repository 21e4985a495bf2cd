// SPDX-License-Identifier: MIT
// The default command with --since: totals, less those of the run before.
#include "commands/printer.hpp"
#include "commands/since_run.hpp"
#include "commands/windows.hpp"
#include "sys/interrupt.hpp"

#include <csignal>

namespace socktally {

Exit run_since(const Options& options, const Layout& layout, const Output& output, std::span<const BackendEntry> table)
{
    Printer printer(options, layout, output);
    if (is_cumulative(options, layout) && !layout.alerts.empty()) {
        throw UsageError("--alert leaves rows out, and counters for Prometheus would miss them: take another format");
    }
    SinceRun since(options, layout);
    Windows windows(options, layout, table, &since);
    Interrupt interrupt;
    Report report = windows.next(interrupt);
    interrupt.release();
    since.prepare(report);
    printer.print(report, interrupt);
    if (interrupt.signal() != 0) { // not all may have been seen: the next run prints it again
        std::raise(interrupt.signal());
    }
    since.commit();
    return exit_of(has_alert(report, layout), report.complete, options);
}

} // namespace socktally
