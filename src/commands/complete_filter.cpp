// SPDX-License-Identifier: MIT
#include "commands/complete_filter.hpp"

#include "identity/machine.hpp"
#include "identity/netns_names.hpp"
#include "identity/users.hpp"
#include "model/nearest.hpp"
#include "model/quote.hpp"
#include "sys/netns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>

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

/// Has `ids` follow `names`, one by one.
template <typename Id, typename Find>
void renew(const std::vector<std::string>& names, const Find& find, std::vector<Id>& ids, Renamed& renamed)
{
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::optional<Id> found = find(names[i]);
        if (!found) {
            renamed.gone.push_back(quote(names[i]));
        } else if (*found != std::exchange(ids[i], *found)) {
            renamed.others.push_back(quote(names[i]));
        }
    }
}

void add_notes(std::vector<Note>& notes, const std::vector<std::string>& names, std::string_view what, bool incomplete)
{
    for (const std::string& name : names) {
        notes.push_back({"name-changed", fmt::format("{} {}", name, what), "", incomplete, Note::About::window});
    }
}

} // namespace

std::vector<std::uint32_t> interface_indices(const std::vector<std::string>& names,
                                             const std::vector<Interface>& interfaces)
{
    std::vector<std::string_view> valid;
    std::transform(interfaces.begin(), interfaces.end(), std::back_inserter(valid),
                   [](const Interface& interface) { return std::string_view(interface.name); });
    std::vector<std::uint32_t> indices;
    for (const std::string& name : names) {
        const auto index = find_interface(name, interfaces);
        if (!index) {
            throw UsageError(fmt::format("no such interface: {}: {}", quote(name), suggest(name, valid)));
        }
        indices.push_back(*index);
    }
    return indices;
}

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
        errno = 0;
        const auto netns = find_netns(name);
        if (!netns) {
            throw UsageError(errno == EACCES
                                 ? fmt::format("the network namespace of process {} may not be looked at without "
                                               "cap_sys_ptrace",
                                               name)
                                 : fmt::format("no such network namespace: {}", quote(name)));
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
    const auto index_of = [&](const std::string& name) { return find_interface(name, filter.machine); };
    Renamed renamed;
    renew(options.namespaces, find_netns, filter.namespaces, renamed);
    renew(options.interfaces, index_of, filter.interfaces, renamed);
    return renamed;
}

std::vector<Note> notes_of(const Renamed& renamed)
{
    std::vector<Note> notes;
    add_notes(notes, renamed.others,
              "is another one than in the window before: what was moved between these two windows is missing, and what "
              "moved there before",
              true);
    add_notes(notes, renamed.gone,
              "is not there any more: it counts from the first window on that begins when it is there again", false);
    return notes;
}

} // namespace socktally
