// SPDX-License-Identifier: MIT
// doctor: prints which backends work here, and what each of them cannot see. For each backend that does not work,
// prints the reason and a command that helps. For a backend that the user named, also prints how to run it without
// root.
#include "commands/backends.hpp"
#include "commands/commands.hpp"
#include "commands/output.hpp"

namespace socktally {

namespace {

Cell or_null(std::string text) { return text.empty() ? Cell() : Cell(std::move(text)); }

/// Tries to open a backend, and adds lines about the result to the listing. Returns whether the backend works.
bool examine(const BackendEntry& entry, std::string_view capabilities, Listing& listing)
{
    const std::string name(entry.name);
    OpenResult result = open_backend(entry, {});
    if (const auto* refusal = std::get_if<Unavailable>(&result)) {
        listing.rows.push_back(
            {name, "declined", refusal->why, or_null(command_remedy(refusal->remedy, capabilities))});
        return false;
    }
    listing.rows.push_back({name, "works", std::string(entry.counters), {}});
    const Backend& backend = *std::get<std::unique_ptr<Backend>>(result);
    if (std::string variant = backend.variant(); !variant.empty()) {
        listing.rows.push_back({name, "variant", std::move(variant), {}});
    }
    for (const Note& limit : backend.limits()) {
        listing.rows.push_back({name, "limited", limit.message, or_null(command_remedy(limit.remedy, capabilities))});
    }
    return true;
}

void tell_grants(const BackendEntry& entry, Listing& listing)
{
    for (GrantLine& line : grant_lines(entry)) {
        listing.rows.push_back({std::string(entry.name), std::string(line.status), std::move(line.text),
                                or_null(std::move(line.command))});
    }
}

} // namespace

Exit run_doctor(const Options& options, std::span<const BackendEntry> table)
{
    require_known_backend(options.backend, table);
    Listing listing;
    listing.name = "findings";
    listing.headers = {"backend", "status", "finding", "remedy"};
    listing.ends_in_commands = true;
    Exit exit = Exit::unavailable;
    for (const BackendEntry& entry : table) {
        if (options.backend != "auto" && options.backend != entry.name) {
            continue;
        }
        const bool is_named = options.backend == entry.name;
        if (examine(entry, is_named ? entry.capabilities : all_capabilities, listing)) {
            exit = Exit::ok;
        }
        if (is_named) {
            tell_grants(entry, listing);
        }
    }
    print_listing(listing, options);
    return exit;
}

} // namespace socktally
