// SPDX-License-Identifier: MIT
// Writes reports: to a standard stream, one after another, or to a file, each replacing the one before. Notes go to
// standard error if the format does not print them. Also decides on alerts and exit codes.
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

    /// Writes the text. `interrupt` must be given while signals are taken over: one signal then does not have to wait
    /// for a slow reader, and a second one kills.
    void write(std::string_view text, Interrupt* interrupt = nullptr) const;

private:
    std::string_view name() const { return stream_ == STDOUT_FILENO ? "standard output" : "standard error"; }

    int stream_;
    std::optional<AtomicFile> file_;
};

/// Prints the listing on standard output.
void print_listing(const Listing& listing, const Options& options);

/// Returns the notes for standard error, one line each: those that make the report incomplete or give a hint, or all
/// with --verbose. If nothing is printed, returns only those that explain the exit code, or say that nothing could be
/// printed. `to_terminal`: people read them, so they also say why there are no rows.
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
    std::vector<std::string> said_; // notes of the last window
};

/// Returns whether nothing is printed, because there are alerts and no row raises one.
bool is_silent(const Report& report, const OutputPlan& plan);

bool has_alert(const Report& report, const OutputPlan& plan);

/// Returns the exit code. An alert takes precedence over an incomplete report.
Exit exit_of(bool has_alert, bool is_complete, const Options& options);

} // namespace socktally
