// SPDX-License-Identifier: MIT
#include "commands/choose_backend.hpp"

#include "commands/commands.hpp"
#include "model/nearest.hpp"
#include "model/quote.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace socktally {

namespace {

void require_known(const std::string& wanted, std::span<const BackendEntry> table)
{
    std::vector<std::string_view> names{"auto"};
    std::transform(table.begin(), table.end(), std::back_inserter(names),
                   [](const BackendEntry& entry) { return entry.name; });
    if (std::find(names.begin(), names.end(), wanted) == names.end()) {
        throw UsageError(fmt::format("unknown backend {}: {}", quote(wanted), suggest(wanted, names)));
    }
}

} // namespace

Choice choose_backend(const std::string& wanted, const BackendOptions& options, std::span<const BackendEntry> table)
{
    require_known(wanted, table);
    Choice choice;
    for (const BackendEntry& entry : table) {
        if (wanted != "auto" && wanted != entry.name) {
            continue;
        }
        OpenResult result = entry.open(options);
        if (auto* backend = std::get_if<std::unique_ptr<Backend>>(&result)) {
            choice.backend = std::move(*backend);
            choice.name = entry.name;
            return choice;
        }
        choice.declined.push_back({entry.name, std::get<Unavailable>(std::move(result))});
    }
    const Declined& last = choice.declined.back();
    if (wanted != "auto") {
        throw BackendUnavailable(fmt::format("the {} backend cannot work here: {}", last.name, last.reason.why),
                                 last.reason.remedy);
    }
    throw BackendUnavailable(fmt::format("no backend can work here; {}: {}", last.name, last.reason.why),
                             last.reason.remedy);
}

} // namespace socktally
