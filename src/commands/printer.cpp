// SPDX-License-Identifier: MIT
#include "commands/printer.hpp"

#include "commands/print_notes.hpp"
#include "sys/terminal.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

constexpr std::string_view output_name = "standard output";

/// While signals are taken, no write may block.
void write(Interrupt& interrupt, std::string_view text)
{
    while (!text.empty() && interrupt.wait_writable(STDOUT_FILENO)) {
        const std::string_view part = text.substr(0, Interrupt::writable_bytes);
        write_all(STDOUT_FILENO, part, output_name);
        text.remove_prefix(part.size());
    }
    write_all(STDOUT_FILENO, text, output_name);
}

} // namespace

Printer::Printer(const Options& options, Layout layout) : options_(options), layout_(std::move(layout))
{
    require_writable(STDOUT_FILENO, output_name);
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
    if (!std::exchange(is_first_, false) && layout_.format == Format::pretty) {
        write(interrupt, "\n");
    }
    write(interrupt, render(report, layout_));
    layout_.header = false; // the lines of all windows are one table
}

} // namespace socktally
