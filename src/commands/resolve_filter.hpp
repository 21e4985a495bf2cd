// SPDX-License-Identifier: MIT
// The filter of the options with what only this machine knows: numbers of users and namespaces, its interfaces, and
// addresses of hosts.
#pragma once

#include "cli/options.hpp"
#include "model/sample.hpp"

#include <string>
#include <vector>

namespace socktally {

/// Throws UsageError for a name that does not exist.
Filter resolve_filter(const Options& options);

/// Fills in the numbers of users. Throws UsageError for an unknown user.
void find_users(Filter& filter);
/// Fills in the numbers of interfaces, which `filter.machine` has. Throws UsageError for an unknown interface.
void find_interfaces(Filter& filter);
/// Fills in the addresses of hosts that were given by name. Throws UsageError for an unknown host, and
/// std::runtime_error if it cannot be found out. With `verbose` it says which these are.
void find_hosts(Filter& filter, bool verbose);

/// Addresses come and go, so those that the filter uses are read again.
void refresh(Filter& filter);

/// Returns what the values of a filter stand for, all of which were found.
std::vector<std::uint64_t> numbers_of(const Filter& filter, std::string_view kind);
/// Returns the network namespaces that sockets are chosen by; empty: all.
std::vector<Inode> namespaces_of(const Filter& filter);

/// Names of interfaces and network namespaces, quoted.
struct Renamed {
    std::vector<std::string> others; // that mean something else than they did
    std::vector<std::string> gone;   // that mean nothing any more: the filter keeps what they meant
};
/// Looks the names up again.
Renamed renew_names(Filter& filter);
std::vector<Note> notes_of(const Renamed& renamed);

} // namespace socktally
