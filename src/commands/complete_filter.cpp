// SPDX-License-Identifier: MIT
#include "commands/complete_filter.hpp"

#include "commands/make_report.hpp"
#include "identity/machine.hpp"
#include "identity/netns_names.hpp"
#include "identity/users.hpp"
#include "model/quote.hpp"
#include "sys/netns.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

namespace socktally {

namespace {

std::optional<std::uint32_t> find_interface(const std::string& name, const std::vector<Interface>& interfaces)
{
    for (const Interface& interface : interfaces) {
        if (interface.name == name) {
            return interface.index;
        }
    }
    return std::nullopt;
}

template <typename Id>
void renew(const std::string& name, std::optional<Id> found, Id& known, Renamed& renamed)
{
    if (!found) {
        renamed.gone.push_back(quote(name));
    } else if (*found != known) {
        known = *found;
        renamed.others.push_back(quote(name));
    }
}

} // namespace

Filter complete_filter(const Options& options)
{
    Filter filter = options.filter;
    for (const std::string& name : options.users) {
        const auto uid = find_user(name);
        if (!uid) {
            throw UsageError(fmt::format("no such user: {}", quote(name)));
        }
        filter.uids.push_back(*uid);
    }
    for (const std::string& name : options.namespaces) {
        const auto netns = find_netns(name);
        if (!netns) {
            throw UsageError(fmt::format("no such network namespace: {}", quote(name)));
        }
        filter.namespaces.push_back(*netns);
    }
    if (!filter.loopback || !options.interfaces.empty()) {
        filter.machine = interfaces();
        filter.machine_netns = Inode{own_netns_inode()};
    }
    filter.interfaces = interface_indices(options.interfaces, filter.machine);
    return filter;
}

void refresh(Filter& filter)
{
    if (!filter.machine.empty()) {
        filter.machine = interfaces();
    }
}

Renamed renew_names(Filter& filter, const Options& options)
{
    refresh(filter);
    Renamed renamed;
    for (std::size_t i = 0; i < options.namespaces.size(); ++i) {
        renew(options.namespaces[i], find_netns(options.namespaces[i]), filter.namespaces[i], renamed);
    }
    for (std::size_t i = 0; i < options.interfaces.size(); ++i) {
        renew(options.interfaces[i], find_interface(options.interfaces[i], filter.machine), filter.interfaces[i],
              renamed);
    }
    return renamed;
}

std::vector<Note> notes_of(const Renamed& renamed)
{
    std::vector<Note> notes;
    for (const std::string& name : renamed.others) {
        notes.push_back({"name-changed",
                         fmt::format("{} is another one than in the window before: what was moved between these two "
                                     "windows is missing, and what moved there before",
                                     name),
                         "", true, Note::About::window});
    }
    for (const std::string& name : renamed.gone) {
        notes.push_back({"name-changed",
                         fmt::format("{} is not there any more: it counts from the first window on that begins when "
                                     "it is there again",
                                     name),
                         "", false, Note::About::window});
    }
    return notes;
}

} // namespace socktally
