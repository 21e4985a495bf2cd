// SPDX-License-Identifier: MIT
// The default command: samples and prints, once or several times.
#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "commands/output_plan.hpp"
#include "commands/sampler.hpp"
#include "commands/since.hpp"
#include "linux/interrupt.hpp"
#include "linux/terminal.hpp"

#include <unistd.h>

#include <csignal>

namespace socktally {

Exit run_sample(const Options& options, std::span<const BackendEntry> table)
{
    const Output output(options);
    const OutputPlan plan = make_output_plan(options, output.is_terminal(), terminal_width(STDOUT_FILENO),
                                             output.is_terminal() ? terminal_height(STDOUT_FILENO) : 0);
    if (!options.since.empty()) {
        return run_since(options, plan, output, table);
    }
    Printer printer(options, plan, output);
    Sampler sampler(options, plan, table, nullptr);
    Interrupt interrupt;
    const std::uint64_t count = options.count.value_or(1); // 0: windows follow each other until a signal comes
    bool complete = true;
    bool alerted = false;
    bool is_last = false;
    for (std::uint64_t number = 1; !is_last; ++number) {
        const Report report = sampler.next(interrupt);
        is_last = number == count || interrupt.signal() != 0;
        if (is_last) {
            interrupt.release();
        }
        printer.print(report, &interrupt);
        complete = complete && report.complete;
        alerted = alerted || has_alert(report, plan);
    }
    if (interrupt.signal() != 0) {
        std::raise(interrupt.signal());
    }
    return exit_of(alerted, complete, options);
}

} // namespace socktally
