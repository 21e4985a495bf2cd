// SPDX-License-Identifier: MIT
// --list-columns and --list-options: print the table of columns or of options in any format. Completions and tests read
// the output.
#include "cli/option_table.hpp"
#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "table/columns.hpp"

#include <fmt/format.h>

namespace socktally {

namespace {

Cell text_cell(std::string_view text) { return Cell(std::string(text)); }

/// Returns the values that completions offer for an option: words, or a kind of names to look up, such as "@pids".
std::string offers_of(const Option& option, Command command)
{
    std::string text = option.offers;
    for (const std::string& word : option.valid_words(command)) {
        text.append(text.empty() ? "" : " ").append(word);
    }
    return text;
}

} // namespace

Exit run_list_columns(const Options& options)
{
    Listing listing{"columns", {"name", "type", "unit", "description"}, {}};
    for (const Column& column : columns()) {
        listing.rows.push_back({text_cell(column.name), text_cell(to_string(column.type)), text_cell(column.unit),
                                text_cell(column.description)});
    }
    print_listing(listing, options);
    return Exit::ok;
}

Exit run_list_options(const Options& options)
{
    Listing listing{"options", {"names", "value", "offers", "help"}, {}};
    const auto add = [&](std::string_view names, std::string_view value, std::string_view offers,
                         std::string_view help) {
        listing.rows.push_back({text_cell(names), text_cell(value), text_cell(offers), text_cell(help)});
    };
    for (const Option& option : option_table()) {
        if (option.group.has(options.listed) && *option.help != '\0') {
            add(option.names, option.value != nullptr ? option.value : "", offers_of(option, options.listed),
                option.full_help(options.listed));
        }
    }
    print_listing(listing, options);
    return Exit::ok;
}

} // namespace socktally
