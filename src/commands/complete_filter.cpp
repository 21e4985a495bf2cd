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

/// Has the ids follow their names.
template <typename Id, typename Find>
void renew(std::vector<Named<Id>>& list, const Find& find, Renamed& renamed)
{
    for (auto& [name, id] : list) {
        const std::optional<Id> found = find(name);
        if (!found) {
            renamed.gone.push_back(quote(name));
        } else if (found != std::exchange(id, found)) {
            renamed.others.push_back(quote(name));
        }
    }
}

void find_namespaces(Filter& filter)
{
    for (auto& [name, netns] : filter.namespaces) {
        errno = 0;
        netns = find_netns(name);
        if (!netns) {
            throw UsageError(errno == EACCES
                                 ? fmt::format("the network namespace of process {} may not be looked at without "
                                               "cap_sys_ptrace",
                                               name)
                                 : fmt::format("no such network namespace: {}", quote(name)));
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

void find_users(Filter& filter)
{
    for (auto& [name, uid] : filter.users) {
        uid = find_user(name);
        if (!uid) {
            throw UsageError(fmt::format("no such user: {}", quote(name)));
        }
    }
}

void find_interfaces(Filter& filter)
{
    const auto& interfaces = filter.machine.interfaces;
    for (auto& [name, index] : filter.interfaces) {
        index = find_interface(name, interfaces);
        if (!index) {
            std::vector<std::string_view> valid;
            std::transform(interfaces.begin(), interfaces.end(), std::back_inserter(valid),
                           [](const Interface& interface) { return std::string_view(interface.name); });
            throw UsageError(fmt::format("no such interface: {}: {}", quote(name), suggest(name, valid)));
        }
    }
}

Filter complete_filter(const Options& options)
{
    Filter filter = options.filter;
    find_users(filter);
    find_namespaces(filter);
    if (!filter.loopback || !filter.interfaces.empty()) {
        filter.machine = {interfaces(), Inode{own_netns_inode()}};
    }
    find_interfaces(filter);
    return filter;
}

void refresh(Filter& filter)
{
    if (!filter.machine.interfaces.empty()) {
        filter.machine.interfaces = interfaces();
    }
}

Renamed renew_names(Filter& filter)
{
    refresh(filter);
    const auto index_of = [&](const std::string& name) { return find_interface(name, filter.machine.interfaces); };
    Renamed renamed;
    renew(filter.namespaces, find_netns, renamed);
    renew(filter.interfaces, index_of, renamed);
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
