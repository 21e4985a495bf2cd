// SPDX-License-Identifier: MIT
// A command line, one argument a line: it gives options or is refused in one line of text.
#include "cli/options.hpp"
#include "fuzz.hpp"
#include "linux/proc.hpp"
#include "table/alert.hpp"
#include "table/columns.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace socktally;

FUZZ_DRIVER(options)
{
    std::string_view text = as_text(input);
    std::vector<std::string> arguments{"socktally"};
    while (!text.empty() && arguments.size() < 20) {
        const std::string_view line = next_line(text);
        arguments.emplace_back(line.substr(0, line.find('\0'))); // an argument ends at its first zero byte
    }
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) {
        argv.push_back(argument.c_str());
    }
    try {
        const Options options = parse_options(static_cast<int>(argv.size()), argv.data());
        require(options.duration.count() >= 0);
        require(!options.top || *options.top > 0);
        std::vector<Row> rows;
        require(!select_columns(options.columns, default_columns(options.by)).empty());
        sort_rows(rows, options.sort);
        for (const std::string& alert : options.alerts) {
            require(!matches(parse_alert(alert), Row{}) || parse_alert(alert).column->name.ends_with("connections"));
        }
    } catch (const UsageError& error) {
        const std::string_view message = error.what();
        require(!message.empty() && message.find('\n') == message.npos && message.find('\x1b') == message.npos);
    } catch (const std::invalid_argument& error) { // columns and alerts
        const std::string_view message = error.what();
        require(!message.empty() && message.find('\n') == message.npos && message.find('\x1b') == message.npos);
    }
}
