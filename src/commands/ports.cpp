// SPDX-License-Identifier: MIT
// ports: prints the sockets that exist now. It takes a sample without a window from a backend that only lists sockets.
#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "commands/output_plan.hpp"
#include "commands/sampler.hpp"
#include "linux/interrupt.hpp"
#include "linux/terminal.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;

/// Lists the sockets repeatedly until a socket matches, `time` is up, or a signal comes. A list takes a few
/// milliseconds.
Report wait_for_rows(Sampler& sampler, Interrupt& interrupt, std::chrono::nanoseconds time)
{
    constexpr std::chrono::milliseconds shortest_pause{20};
    constexpr int rest = 9; // a pause lasts 9 times as long as a list, so listing takes at most a tenth of the time
    const auto end = Clock::now() + time;
    while (true) {
        const auto begun = Clock::now();
        const bool is_last = begun >= end;
        Report report = sampler.next(interrupt, is_last ? Sampler::Hints::given : Sampler::Hints::left_out);
        if (report.has_rows() || is_last || interrupt.signal() != 0) {
            return report;
        }
        const auto now = Clock::now();
        const auto pause = std::max<Clock::duration>(shortest_pause, rest * (now - begun));
        interrupt.wait_until(std::min(now + pause, end), -1);
        if (interrupt.signal() != 0) {
            return report;
        }
    }
}

} // namespace

/// Returns status 1 if no socket matched, as pgrep(1) does. For errors, main() therefore returns another status.
Exit run_ports(const Options& options, std::span<const BackendEntry> table)
{
    const Output output(options);
    const OutputPlan plan = make_output_plan(options, output.is_terminal(), terminal_width(STDOUT_FILENO),
                                             output.is_terminal() ? terminal_height(STDOUT_FILENO) : 0);
    Printer printer(options, plan, output);
    Sampler sampler(options, plan, table, nullptr);
    Interrupt interrupt;
    const Report report = wait_for_rows(sampler, interrupt, options.wait_for.value_or(std::chrono::nanoseconds(0)));
    interrupt.release();
    printer.print(report, &interrupt);
    if (interrupt.signal() != 0) {
        std::raise(interrupt.signal());
    }
    const Exit exit = exit_of(false, report.complete, options);
    return !report.has_rows() && exit == Exit::ok ? Exit::failed : exit;
}

} // namespace socktally
