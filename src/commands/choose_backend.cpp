// SPDX-License-Identifier: MIT
// The choice of a backend.
#include "commands/backends.hpp"
#include "commands/commands.hpp"
#include "linux/privileges.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace socktally {

void require_known_backend(const std::string& wanted, std::span<const BackendEntry> table)
{
    std::vector<std::string_view> names{"auto"};
    std::transform(table.begin(), table.end(), std::back_inserter(names),
                   [](const BackendEntry& entry) { return entry.name; });
    if (std::find(names.begin(), names.end(), wanted) == names.end()) {
        throw UsageError(fmt::format("unknown backend {}: {}", quote(wanted), suggest(wanted, names)));
    }
}

OpenResult open_backend(const BackendEntry& entry, const BackendOptions& options)
{
    if (!has_room_for_files(entry.files)) {
        return Unavailable{fmt::format("the limit of open files is too low: {} more are needed", entry.files),
                           "ulimit -n 1024"};
    }
    return entry.open(options);
}

Choice choose_backend(const std::string& wanted, const BackendOptions& options, std::span<const BackendEntry> table)
{
    require_known_backend(wanted, table);
    Choice choice;
    for (const BackendEntry& entry : table) {
        if (wanted != "auto" && wanted != entry.name) {
            continue;
        }
        OpenResult result = open_backend(entry, options);
        if (auto* backend = std::get_if<std::unique_ptr<Backend>>(&result)) {
            choice.backend = std::move(*backend);
            choice.name = entry.name;
            return choice;
        }
        auto& refusal = std::get<Unavailable>(result);
        refusal.remedy = fitting_remedy(refusal.remedy);
        choice.declined.push_back({entry.name, std::move(refusal)});
    }
    const Declined& last = choice.declined.back();
    if (wanted != "auto") {
        throw BackendUnavailable(fmt::format("the {} backend is unavailable: {}", last.name, last.reason.why),
                                 last.reason.remedy);
    }
    throw BackendUnavailable(fmt::format("no backend works here; {}: {}", last.name, last.reason.why),
                             last.reason.remedy);
}

Note declined_note(const Declined& declined)
{
    return {NoteCode::backend_declined,
            fmt::format("the {} backend, which sees more, is unavailable: {}", declined.name, declined.reason.why),
            declined.reason.remedy};
}

} // namespace socktally
