// SPDX-License-Identifier: MIT
// --list-columns: the column table, in any format.
#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "table/columns.hpp"

namespace socktally {

Exit run_list_columns(const Options& options)
{
    Listing listing;
    listing.name = "columns";
    listing.headers = {"name", "type", "unit", "description"};
    for (const Column& column : columns()) {
        listing.rows.push_back({std::string(column.name), std::string(to_string(column.type)), std::string(column.unit),
                                std::string(column.description)});
    }
    print_listing(listing, options);
    return Exit::ok;
}

} // namespace socktally
