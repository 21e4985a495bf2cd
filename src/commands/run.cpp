// SPDX-License-Identifier: MIT
// run: measures the traffic of a command, as time(1) measures its time. Samples the command and all processes that it
// starts, until the command ends.
#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "commands/output_plan.hpp"
#include "commands/sampler.hpp"
#include "linux/child.hpp"
#include "linux/interrupt.hpp"
#include "linux/terminal.hpp"
#include "util/text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>

namespace socktally {

namespace {

Options with_tree(Options options, const Child& command)
{
    const FilterKind& tree = *find_filter_kind("tree");
    options.filter.add(tree, tree.parse(std::to_string(command.pid())));
    return options;
}

/// Returns why the command could not be run. For a shell builtin, or a line of shell, says how to run it.
std::string unrunnable(const std::string& word, int error)
{
    constexpr std::array<std::string_view, 12> builtins{".",      "alias", "cd",     "eval",  "exec",  "export",
                                                        "source", "trap",  "ulimit", "umask", "unset", "wait"};
    if (error == ENOENT && std::find(builtins.begin(), builtins.end(), word) != builtins.end()) {
        return fmt::format("cannot run {}: it is a shell builtin; use sh -c '{} ...'", quote(word), word);
    }
    const bool is_line = error == ENOENT && word.find_first_of(" |&;<>") != word.npos;
    return fmt::format("cannot run {}: {}{}", quote(word), std::generic_category().message(error),
                       is_line ? "; to run a line of shell, put sh -c before it" : "");
}

/// Measures until the command has ended.
void measure(const Options& options, const OutputPlan& plan, const Output& output, std::span<const BackendEntry> table,
             Child& command)
{
    Printer printer(options, plan, output);
    Sampler sampler(options, plan, table, nullptr);
    Interrupt interrupt(command);
    bool is_last = false;
    while (!is_last) {
        Report report = sampler.next(interrupt);
        command.start(); // needed only if the window was too short for the backend to start the command
        is_last = interrupt.ends_series();
        if (command.exec_error() != 0) {
            return; // the command did not run, so there is nothing to report
        }
        if (is_last && command.has_left_processes()) {
            report.notes.emplace_back(NoteCode::processes_left);
        }
        printer.print(report);
    }
}

} // namespace

/// Returns the exit status of the command. Throws if an error occurs before the command starts; main() then returns
/// Exit::not_run. A later error does not affect the command.
Exit run_command(const Options& options, std::span<const BackendEntry> table, const Surroundings& surroundings)
{
    // This call may fork. It comes before --output-file is opened, because only one process may write that file.
    if (const auto status = go_on_without_children()) {
        return static_cast<Exit>(*status);
    }
    const Output output(options, STDERR_FILENO);
    const OutputPlan plan = make_output_plan(options, output.is_terminal(), terminal_width(STDERR_FILENO),
                                             output.is_terminal() ? terminal_height(STDERR_FILENO) : 0);
    Child command(options.words, surroundings, options.detached_too);
    try {
        measure(with_tree(options, command), plan, output, table, command);
    } catch (const std::exception& error) {
        if (!command.is_started()) {
            throw;
        }
        say(error.what());
    }
    const int status = command.wait();
    if (command.exec_error() != 0) {
        say(unrunnable(options.words.front(), command.exec_error()));
    }
    return static_cast<Exit>(status);
}

} // namespace socktally
