// SPDX-License-Identifier: MIT
#include "commands/output.hpp"

#include "commands/make_report.hpp"
#include "linux/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace socktally {

Output::Output(const Options& options, int stream) : stream_(stream)
{
    if (options.output_file) {
        file_.emplace(*options.output_file);
    } else if (stream != STDERR_FILENO) { // a closed standard error is no fault: `run` works without it
        require_writable(stream_, name());
    }
}

bool Output::is_terminal() const { return !file_ && socktally::is_terminal(stream_); }

void Output::write(std::string_view text, Interrupt* interrupt) const
{
    if (file_) {
        file_->write(text);
        return;
    }
    while (interrupt != nullptr && !text.empty() && interrupt->wait_writable(stream_)) {
        const std::string_view part = text.substr(0, Interrupt::writable_bytes);
        write_all(stream_, part, name());
        text.remove_prefix(part.size());
    }
    write_all(stream_, text, name());
}

void print_listing(const Listing& listing, const Options& options)
{
    std::string out;
    const Format* format = format_or_usual(options.format, is_terminal(STDOUT_FILENO));
    format->list(out, listing, {.header = options.header, .width = terminal_width(STDOUT_FILENO)});
    write_all(STDOUT_FILENO, out, "standard output");
}

std::vector<std::string> note_lines(const Report& report, const OutputPlan& plan, const Options& options,
                                    bool to_terminal)
{
    std::vector<std::string> lines;
    const bool explains_exit = options.strict && !report.complete;
    const bool is_silence = is_silent(report, plan);
    const bool has_units = options.units.bits || options.units.si;
    if (has_units && !options.quiet && !plan.format->is_for_people) {
        lines.push_back("--bits and --si change only -f pretty; for other formats there is -o +bits_per_sec");
    }
    if (options.quiet || (!is_silence && plan.format->has_notes)) {
        return lines;
    }
    for (const Note& note : report.notes) {
        const Telling when = telling(note.code);
        const bool speaks_up = !is_silence || explains_exit || when == Telling::in_silence;
        const bool explains_silence = to_terminal && !report.has_rows() && note.code == NoteCode::filter_idle;
        const bool is_important = speaks_up && (note.incomplete || when == Telling::always || explains_silence);
        if (when != Telling::elsewhere && (options.verbose || is_important)) {
            lines.push_back(note.remedy.empty() ? note.message : fmt::format("{} ({})", note.message, note.remedy));
        }
    }
    if (to_terminal && !report.has_rows() && plan.alerts.empty() && !plan.format->is_series) {
        lines.push_back(report.hint);
    }
    return lines;
}

Printer::Printer(const Options& options, OutputPlan plan, const Output& output)
    : options_(options), plan_(std::move(plan)), output_(output)
{
}

/// Prints notes on standard error, except notes that the last window had, too.
void Printer::say_notes(const Report& report)
{
    std::vector<std::string> lines = note_lines(report, plan_, options_, is_terminal(STDERR_FILENO));
    for (const std::string& line : lines) {
        if (std::find(said_.begin(), said_.end(), line) == said_.end()) {
            say(line);
        }
    }
    said_ = std::move(lines);
}

void Printer::print(const Report& report, Interrupt* interrupt)
{
    say_notes(report);
    const std::string text = is_silent(report, plan_) ? "" : render(report, plan_);
    if (output_.is_file()) {
        output_.write(text);
    } else if (!text.empty()) {
        if (!std::exchange(is_first_, false)) {
            output_.write(plan_.format->between_windows, interrupt);
        }
        output_.write(text, interrupt);
        plan_.style.header = plan_.style.header && !plan_.format->is_one_table;
    }
}

bool is_silent(const Report& report, const OutputPlan& plan) { return !plan.alerts.empty() && report.rows.empty(); }

bool has_alert(const Report& report, const OutputPlan& plan) { return !plan.alerts.empty() && !report.rows.empty(); }

Exit exit_of(bool has_alert, bool is_complete, const Options& options)
{
    if (has_alert) {
        return Exit::alerted;
    }
    return options.strict && !is_complete ? Exit::incomplete : Exit::ok;
}

} // namespace socktally
