// SPDX-License-Identifier: MIT
#include "commands/resolve_filter.hpp"

#include "linux/interfaces.hpp"
#include "linux/netns.hpp"
#include "linux/terminal.hpp"
#include "processes/names.hpp"
#include "traffic/namespaces.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace socktally {

namespace {

/// Calls `use` with each value of these kinds, including values under --exclude.
template <typename Use>
void for_each_value(Filter& filter, std::initializer_list<std::string_view> kinds, const Use& use)
{
    for (FilterTerm& term : filter.terms()) {
        if (std::find(kinds.begin(), kinds.end(), term.kind->name()) != kinds.end()) {
            use(term.value);
        }
    }
}

constexpr FilterValue::Numbers one(std::uint64_t number) { return {number, number}; }

std::optional<std::uint64_t> find_interface(const std::string& name, const std::vector<Interface>& interfaces)
{
    for (const Interface& interface : interfaces) {
        if (interface.name == name) {
            return interface.index;
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> find_namespace(const std::string& name)
{
    const auto netns = find_netns(name);
    return netns ? std::optional(netns->value) : std::nullopt;
}

void find_namespaces(Filter& filter)
{
    for_each_value(filter, {"netns"}, [](FilterValue& value) {
        errno = 0;
        const auto netns = find_namespace(value.text);
        if (!netns) {
            if (errno != EACCES) {
                throw UsageError(fmt::format("no such network namespace: {}", quote(value.text)));
            }
            throw UsageError(
                parse_number(value.text)
                    ? fmt::format("no permission to see the network namespace of process {}: run with sudo", value.text)
                    : fmt::format("no permission to see the network namespace {}: run with sudo", quote(value.text)));
        }
        value.numbers = one(*netns);
    });
}

Prefix network_of(const Address& address) { return parse_prefix(to_string(address)).value(); }

void read_interfaces(Filter& filter)
{
    if (!filter.machine.interfaces.empty()) {
        filter.machine.interfaces = interfaces();
    }
}

bool asks_own(const Filter& filter)
{
    const auto& terms = filter.terms();
    return filter.asks("no-loopback") ||
           std::any_of(terms.begin(), terms.end(), [](const FilterTerm& term) { return term.value.is_own; });
}

/// Reads the addresses in other network namespaces, if a filter needs to know which addresses are this machine's. If a
/// namespace no longer exists, the filter keeps the addresses of that namespace.
void read_elsewhere(Filter& filter)
{
    if (!asks_own(filter)) {
        return;
    }
    enter_each(other_namespaces(namespaces_of(filter), list_processes()), 1, [&](Inode netns) {
        std::set<Address> addresses;
        for (const Interface& each : interfaces()) {
            addresses.insert(each.addresses.begin(), each.addresses.end());
        }
        filter.machine.elsewhere[netns] = std::move(addresses);
    });
}

} // namespace

std::vector<std::uint64_t> numbers_of(const Filter& filter, std::string_view kind)
{
    std::vector<std::uint64_t> numbers;
    for (const FilterTerm& term : filter.terms()) {
        if (!term.is_excluded && term.kind->name() == kind) {
            numbers.push_back(term.value.numbers.value().first);
        }
    }
    return numbers;
}

std::vector<Inode> namespaces_of(const Filter& filter)
{
    std::vector<Inode> namespaces;
    for (const std::uint64_t number : numbers_of(filter, "netns")) {
        namespaces.push_back(Inode{number});
    }
    return namespaces;
}

void find_users(Filter& filter)
{
    for_each_value(filter, {"user"}, [](FilterValue& value) {
        const auto uid = find_user(value.text);
        if (!uid) {
            throw UsageError(fmt::format("no such user: {}", quote(value.text)));
        }
        value.numbers = one(uid->value);
    });
}

void find_interfaces(Filter& filter)
{
    const std::vector<Interface>& interfaces = filter.machine.interfaces;
    for_each_value(filter, {"interface"}, [&](FilterValue& value) {
        const auto index = find_interface(value.text, interfaces);
        if (!index) {
            std::vector<std::string_view> valid;
            std::transform(interfaces.begin(), interfaces.end(), std::back_inserter(valid),
                           [](const Interface& interface) { return std::string_view(interface.name); });
            throw UsageError(fmt::format("no such interface: {}: {}", quote(value.text), suggest(value.text, valid)));
        }
        value.numbers = one(*index);
    });
}

void find_hosts(Filter& filter, const Options& options)
{
    for_each_value(filter, {"remote", "local"}, [&](FilterValue& value) {
        if (!value.is_host) {
            return;
        }
        // With --resolve, addresses may have a name that leads to none.
        const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(options.resolve_timeout);
        const std::vector<Address> addresses =
            options.resolve ? Lookups().find_host(value.text, patience).addresses : find_host(value.text);
        if (addresses.empty() && !options.resolve) {
            const auto word = nearest(value.text, find_filter_kind("remote")->words());
            throw UsageError(fmt::format("no such host: {}{}", quote(value.text),
                                         word ? fmt::format(": did you mean {:?}?", *word) : ""));
        }
        std::transform(addresses.begin(), addresses.end(), std::back_inserter(value.networks), network_of);
        if (options.verbose && !addresses.empty()) {
            std::string list;
            for (const Address& address : addresses) {
                list.append(list.empty() ? "" : ", ").append(to_string(address));
            }
            say(fmt::format("{} is {}", quote(value.text), list));
        }
    });
}

void find_ports(Filter& filter)
{
    for_each_value(filter, {"port"}, [](FilterValue& value) {
        if (value.numbers) {
            return;
        }
        const auto port = find_port(value.text);
        if (!port) {
            throw UsageError(
                fmt::format("no such service: {}: use a port number, or a name in /etc/services", quote(value.text)));
        }
        value.numbers = one(*port);
    });
}

Filter resolve_filter(const Options& options)
{
    Filter filter = options.filter;
    if (asks_own(filter) || filter.asks("interface")) {
        filter.machine = {interfaces(), Inode{own_netns_inode()}};
    }
    find_users(filter);
    find_namespaces(filter);
    read_elsewhere(filter);
    find_interfaces(filter);
    find_hosts(filter, options);
    find_ports(filter);
    return filter;
}

void refresh(Filter& filter)
{
    read_interfaces(filter);
    read_elsewhere(filter);
}

Renamed renew_names(Filter& filter)
{
    if (filter.asks("interface")) {
        read_interfaces(filter);
    }
    Renamed renamed;
    const auto renew = [&](FilterValue& value, const std::optional<std::uint64_t>& found) {
        if (!found) {
            renamed.gone.push_back(quote(value.text));
        } else if (one(*found) != std::exchange(value.numbers, one(*found))) {
            renamed.others.push_back(quote(value.text));
        }
    };
    for_each_value(filter, {"netns"}, [&](FilterValue& value) { renew(value, find_namespace(value.text)); });
    for_each_value(filter, {"interface"},
                   [&](FilterValue& value) { renew(value, find_interface(value.text, filter.machine.interfaces)); });
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
