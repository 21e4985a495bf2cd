// SPDX-License-Identifier: MIT
#include "commands/print_notes.hpp"

#include "commands/output.hpp"
#include "linux/terminal.hpp"

#include <fmt/format.h>

namespace socktally {

std::vector<std::string> note_lines(const Report& report, const Layout& layout, const Options& options)
{
    std::vector<std::string> lines;
    const bool explains_exit = options.strict && !report.complete;
    const bool is_silence = is_silent(report, layout);
    if (options.quiet || (!is_silence && layout.format->has_notes)) {
        return lines;
    }
    for (const Note& note : report.notes) {
        const Telling when = telling(note.code);
        const bool speaks_up = !is_silence || explains_exit || when == Telling::in_silence;
        const bool is_important = speaks_up && (note.incomplete || when == Telling::always);
        if (when != Telling::elsewhere && (options.verbose || is_important)) {
            lines.push_back(note.remedy.empty() ? note.message : fmt::format("{} ({})", note.message, note.remedy));
        }
    }
    return lines;
}

void print_notes(const Report& report, const Layout& layout, const Options& options)
{
    for (const std::string& line : note_lines(report, layout, options)) {
        say(line);
    }
}

} // namespace socktally
