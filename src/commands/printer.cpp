// SPDX-License-Identifier: MIT
#include "commands/printer.hpp"

#include "commands/make_report.hpp"

#include "commands/print_notes.hpp"
#include "linux/terminal.hpp"

#include <algorithm>
#include <utility>

namespace socktally {

Printer::Printer(const Options& options, Layout layout, const Output& output)
    : options_(options), layout_(std::move(layout)), output_(output)
{
}

/// What goes on from one window to the next is said once.
void Printer::say_notes(const Report& report)
{
    std::vector<std::string> lines = note_lines(report, layout_, options_);
    for (const std::string& line : lines) {
        if (std::find(said_.begin(), said_.end(), line) == said_.end()) {
            say(line);
        }
    }
    said_ = std::move(lines);
}

void Printer::print(const Report& report, Interrupt& interrupt)
{
    say_notes(report);
    const std::string text = is_silent(report, layout_) ? "" : render(report, layout_);
    if (output_.is_file()) {
        output_.write(text);
        return;
    }
    if (text.empty()) {
        return;
    }
    if (!std::exchange(is_first_, false)) {
        output_.write(layout_.format->between_windows, interrupt);
    }
    output_.write(text, interrupt);
    if (layout_.format->is_one_table) {
        layout_.style.header = false;
    }
}

} // namespace socktally
