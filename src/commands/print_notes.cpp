// SPDX-License-Identifier: MIT
#include "commands/print_notes.hpp"

#include "sys/terminal.hpp"

#include <fmt/format.h>

namespace socktally {

void print_notes(const Report& report, const Layout& layout, const Options& options)
{
    if (options.quiet || layout.format == Format::json || layout.format == Format::pretty) {
        return;
    }
    for (const Note& note : report.notes) {
        const bool is_told = note.code == "backend-declined"; // with the choice of the backend
        if (note.incomplete || note.code == "owners-denied" || (options.verbose && !is_told)) {
            say(note.remedy.empty() ? note.message : fmt::format("{} ({})", note.message, note.remedy));
        }
    }
}

} // namespace socktally
