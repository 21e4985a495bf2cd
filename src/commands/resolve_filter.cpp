// SPDX-License-Identifier: MIT
#include "commands/resolve_filter.hpp"

#include "cli/values.hpp"
#include "linux/interfaces.hpp"
#include "linux/netns.hpp"
#include "processes/names.hpp"
#include "util/text.hpp"

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

/// Updates the ids to what their names mean now.
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

void find_namespaces(Criteria& criteria)
{
    for (auto& [name, netns] : criteria.namespaces) {
        errno = 0;
        netns = find_netns(name);
        if (!netns) {
            throw UsageError(
                errno == EACCES
                    ? fmt::format("no permission to see the network namespace of process {}: run with sudo", name)
                    : fmt::format("no such network namespace: {}", quote(name)));
        }
    }
}

} // namespace

void find_users(Criteria& criteria)
{
    for (auto& [name, uid] : criteria.users) {
        uid = find_user(name);
        if (!uid) {
            throw UsageError(fmt::format("no such user: {}", quote(name)));
        }
    }
}

void find_interfaces(Criteria& criteria, const std::vector<Interface>& interfaces)
{
    std::vector<Named<std::uint32_t>> found;
    const auto add = [&](const std::string& name) {
        const auto index = find_interface(name, interfaces);
        if (index) {
            found.push_back({name, index});
        }
        return index.has_value();
    };
    for (const auto& [text, index] : criteria.interfaces) {
        if (add(text)) { // also one with a comma in its name
            continue;
        }
        for (const auto part : list_value(text)) {
            if (!add(std::string(part))) {
                std::vector<std::string_view> valid;
                std::transform(interfaces.begin(), interfaces.end(), std::back_inserter(valid),
                               [](const Interface& interface) { return std::string_view(interface.name); });
                throw UsageError(fmt::format("no such interface: {}: {}", quote(part), suggest(part, valid)));
            }
        }
    }
    criteria.interfaces = std::move(found);
}

Filter resolve_filter(const Options& options)
{
    Filter filter = options.filter;
    if (filter.asks(FilterKind::no_loopback) || filter.asks(FilterKind::interface)) {
        filter.machine = {interfaces(), Inode{own_netns_inode()}};
    }
    for (Criteria* criteria : {static_cast<Criteria*>(&filter), &filter.excluded}) {
        find_users(*criteria);
        find_namespaces(*criteria);
        find_interfaces(*criteria, filter.machine.interfaces);
    }
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
    for (Criteria* criteria : {static_cast<Criteria*>(&filter), &filter.excluded}) {
        renew(criteria->namespaces, find_netns, renamed);
        renew(criteria->interfaces, index_of, renamed);
    }
    return renamed;
}

std::vector<Note> notes_of(const Renamed& renamed)
{
    std::vector<Note> notes;
    for (const std::string& name : renamed.others) {
        notes.emplace_back(NoteCode::name_changed,
                           name + " was replaced since the last window: bytes moved in between are missing");
    }
    for (const std::string& name : renamed.gone) {
        notes.emplace_back(NoteCode::name_changed, name + " is gone: counting resumes when it is back").incomplete =
            false;
    }
    return notes;
}

} // namespace socktally
