// SPDX-License-Identifier: MIT
// Fills in facts of the options' filter that only this machine knows: numbers of users and namespaces, its interfaces,
// addresses of hosts, and ports of services.
#pragma once

#include "cli/options.hpp"
#include "model/sample.hpp"

#include <string>
#include <vector>

namespace socktally {

/// Returns the filter of the options, with all names looked up. Throws UsageError for a name that does not exist.
Filter resolve_filter(const Options& options);

/// Looks up the numbers of users. Throws UsageError for an unknown user.
void find_users(Filter& filter);
/// Looks up the numbers of interfaces in `filter.machine`. Throws UsageError for an unknown interface.
void find_interfaces(Filter& filter);
/// Looks up the addresses of hosts that are given by name. With --verbose, prints these addresses. Throws UsageError
/// for an unknown host, unless --resolve may find it; throws std::runtime_error if the look-up fails.
void find_hosts(Filter& filter, const Options& options);
/// Fills in the ports of services given by name. Throws as find_hosts() does.
void find_ports(Filter& filter);

/// Reads this machine's addresses again if the filter uses them, because they may have changed.
void refresh(Filter& filter);

/// Returns the numbers of one kind of filter, such as "netns", without those under --exclude. The filter must be
/// resolved.
std::vector<std::uint64_t> numbers_of(const Filter& filter, std::string_view kind);
/// Returns the network namespaces that --netns chooses; empty: all namespaces.
std::vector<Inode> namespaces_of(const Filter& filter);

/// The filter's names of interfaces and network namespaces, in quotes, that changed their meaning since the last
/// window.
struct Renamed {
    std::vector<std::string> others; // names that now belong to another interface or namespace
    std::vector<std::string> gone;   // names that no longer exist; the filter keeps their old numbers
};
/// Looks up the filter's names of interfaces and network namespaces again.
Renamed renew_names(Filter& filter);
std::vector<Note> notes_of(const Renamed& renamed);

} // namespace socktally
