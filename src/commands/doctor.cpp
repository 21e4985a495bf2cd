// SPDX-License-Identifier: MIT
// doctor: which backends work here, what each cannot see, why the others do not work, and the one line that fixes it.
#include "commands/commands.hpp"
#include "commands/listing.hpp"

namespace socktally {

namespace {

std::optional<std::string> or_null(std::string text)
{
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

} // namespace

Exit run_doctor(const Options& options, std::span<const BackendEntry> table)
{
    Listing listing;
    listing.name = "findings";
    listing.headers = {"backend", "status", "finding", "remedy"};
    Exit exit = Exit::unavailable;
    for (const BackendEntry& entry : table) {
        const std::string name(entry.name);
        OpenResult result = entry.open({});
        if (const auto* refusal = std::get_if<Unavailable>(&result)) {
            listing.rows.push_back({name, "declined", refusal->why, or_null(refusal->remedy)});
            continue;
        }
        exit = Exit::ok;
        listing.rows.push_back({name, "works", "counts by " + std::string(entry.counters), std::nullopt});
        const Backend& backend = *std::get<std::unique_ptr<Backend>>(result);
        if (std::string variant = backend.variant(); !variant.empty()) {
            listing.rows.push_back({name, "variant", std::move(variant), std::nullopt});
        }
        for (const Note& limit : backend.limits()) {
            listing.rows.push_back({name, "limited", limit.message, or_null(limit.remedy)});
        }
    }
    print_listing(listing, options);
    return exit;
}

} // namespace socktally
