// SPDX-License-Identifier: MIT
// Writes reports to a standard stream, one after another, or to a file, in which each report replaces the last one.
// Writes notes to standard error if the format cannot hold them. Also chooses the exit code.
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

/// A standard stream, or the file of --output-file.
class Output {
public:
    /// Throws if the output cannot be written to.
    explicit Output(const Options& options, int stream = STDOUT_FILENO);

    bool is_terminal() const;
    bool is_file() const { return file_.has_value(); }

    /// Writes the text. Pass `interrupt` while it takes over signals. The first signal then takes effect even if the
    /// reader is slow, and a second one kills this process.
    void write(std::string_view text, Interrupt* interrupt = nullptr) const;

private:
    std::string_view name() const { return stream_ == STDOUT_FILENO ? "standard output" : "standard error"; }

    int stream_;
    std::optional<AtomicFile> file_;
};

/// Prints the listing on standard output.
void print_listing(const Listing& listing, const Options& options);

/// Returns the notes for standard error, one line each. These are notes that make the report incomplete or give a hint;
/// with --verbose, all notes. If there are alerts and no row raises one, returns only notes that explain the exit code,
/// or that say why an alert was not checked. With `to_terminal`, also returns a line that says why there are no rows.
std::vector<std::string> note_lines(const Report& report, const OutputPlan& plan, const Options& options,
                                    bool to_terminal);

/// Prints reports one after another.
class Printer {
public:
    /// `options` and `output` must outlive this object.
    Printer(const Options& options, OutputPlan plan, const Output& output);

    /// Writes the whole report before it returns.
    void print(const Report& report, Interrupt* interrupt = nullptr);

private:
    void say_notes(const Report& report);

    const Options& options_;
    OutputPlan plan_;
    const Output& output_;
    bool is_first_ = true;
    std::vector<std::string> said_; // note lines of the last window; the next window does not repeat them
};

/// Returns whether no rows are printed, because there are alerts and no row raises one.
bool is_silent(const Report& report, const OutputPlan& plan);

bool has_alert(const Report& report, const OutputPlan& plan);

/// Returns the exit code. An alert takes precedence over an incomplete report.
Exit exit_of(bool has_alert, bool is_complete, const Options& options);

} // namespace socktally
