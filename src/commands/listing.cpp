// SPDX-License-Identifier: MIT
#include "commands/listing.hpp"

#include "linux/terminal.hpp"

#include <unistd.h>

namespace socktally {

void print_listing(const Listing& listing, const Options& options)
{
    std::string out;
    switch (options.format.value_or(is_terminal(STDOUT_FILENO) ? Format::pretty : Format::tsv)) {
    case Format::tsv: render_listing_tsv(out, listing, options.header); break;
    case Format::csv: render_listing_csv(out, listing, options.header); break;
    case Format::json: render_listing_json(out, listing); break;
    case Format::jsonl: render_listing_jsonl(out, listing); break;
    case Format::pretty: {
        const auto last =
            options.command == Command::doctor ? LastColumn::beneath : LastColumn::wrapped; // its remedies
        render_listing_pretty(out, listing, options.header, terminal_width(STDOUT_FILENO), last);
        break;
    }
    case Format::prom:
    case Format::influx: break; // refused by parse_options()
    }
    write_all(STDOUT_FILENO, out, "standard output");
}

} // namespace socktally
