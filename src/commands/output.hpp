// SPDX-License-Identifier: MIT
// Where reports go: standard output, or that of errors, as one stream, or a file, each window in the place of the one
// before; what the format has no place for goes to standard error. And what --alert makes of them.
#pragma once

#include "commands/commands.hpp"
#include "commands/output_plan.hpp"
#include "linux/atomic_file.hpp"
#include "linux/interrupt.hpp"

#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// A standard stream, or the file that takes its place.
class Output {
public:
    /// Throws if nothing can be written there.
    explicit Output(const Options& options, int stream = STDOUT_FILENO);

    bool is_terminal() const;
    bool is_file() const { return file_.has_value(); }

    /// With `interrupt`, while signals are taken: one does not keep it waiting for a reader that is slow, and a second
    /// one kills.
    void write(std::string_view text, Interrupt* interrupt = nullptr) const;

private:
    std::string_view name() const { return stream_ == STDOUT_FILENO ? "standard output" : "standard error"; }

    int stream_;
    std::optional<AtomicFile> file_;
};

/// On standard output.
void print_listing(const Listing& listing, const Options& options);

/// Notes that go to standard error, a line each: those that make the report incomplete, or name a hint; all of them if
/// that was asked for. If nothing is printed, only those that explain the exit code, or say that nothing could be
/// printed.
/// `to_terminal`: people read them, who are told why there is no row.
std::vector<std::string> note_lines(const Report& report, const OutputPlan& plan, const Options& options,
                                    bool to_terminal);

/// Prints reports one after another.
class Printer {
public:
    /// `options` and `output` have to outlive this.
    Printer(const Options& options, OutputPlan plan, const Output& output);

    /// All of the report is written when this returns.
    void print(const Report& report, Interrupt* interrupt = nullptr);

private:
    void say_notes(const Report& report);

    const Options& options_;
    OutputPlan plan_;
    const Output& output_;
    bool is_first_ = true;
    std::vector<std::string> said_; // of the last window
};

/// Alerts that no row gave cause to: nothing is printed.
bool is_silent(const Report& report, const OutputPlan& plan);

bool has_alert(const Report& report, const OutputPlan& plan);

/// A row that alerts says more than that there may be others.
Exit exit_of(bool has_alert, bool is_complete, const Options& options);

} // namespace socktally
