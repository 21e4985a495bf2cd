// SPDX-License-Identifier: MIT
#include "commands/output.hpp"

#include "linux/terminal.hpp"

#include <unistd.h>

namespace socktally {

namespace {

constexpr std::string_view output_name = "standard output";

} // namespace

Output::Output(const Options& options)
{
    if (options.output_file) {
        file_.emplace(*options.output_file);
    } else {
        require_writable(STDOUT_FILENO, output_name);
    }
}

bool Output::is_terminal() const { return !file_ && socktally::is_terminal(STDOUT_FILENO); }

void Output::write(std::string_view text) const
{
    if (file_) {
        file_->write(text);
    } else {
        write_all(STDOUT_FILENO, text, output_name);
    }
}

void Output::write(std::string_view text, Interrupt& interrupt) const
{
    while (!file_ && !text.empty() && interrupt.wait_writable(STDOUT_FILENO)) {
        const std::string_view part = text.substr(0, Interrupt::writable_bytes);
        write(part);
        text.remove_prefix(part.size());
    }
    write(text);
}

void print_listing(const Listing& listing, const Options& options)
{
    std::string out;
    format_or_usual(options.format, is_terminal(STDOUT_FILENO))
        ->list(out, listing, {.header = options.header, .width = terminal_width(STDOUT_FILENO)});
    write_all(STDOUT_FILENO, out, output_name);
}

bool is_silent(const Report& report, const Layout& layout) { return !layout.alerts.empty() && report.rows.empty(); }

bool has_alert(const Report& report, const Layout& layout) { return !layout.alerts.empty() && !report.rows.empty(); }

Exit exit_of(bool has_alert, bool is_complete, const Options& options)
{
    if (has_alert) {
        return Exit::alerted;
    }
    return options.strict && !is_complete ? Exit::incomplete : Exit::ok;
}

} // namespace socktally
