// SPDX-License-Identifier: MIT
// Fills in facts of the options' filter that only this machine knows: numbers of users and namespaces, its interfaces,
// addresses of hosts, and ports of services.
#pragma once

#include "cli/options.hpp"
#include "model/sample.hpp"

#include <string>
#include <vector>

namespace socktally {

/// Returns the filter with these facts. Throws UsageError for a name that does not exist.
Filter resolve_filter(const Options& options);

/// Fills in the numbers of users. Throws UsageError for an unknown user.
void find_users(Filter& filter);
/// Fills in the numbers of interfaces from `filter.machine`. Throws UsageError for an unknown interface.
void find_interfaces(Filter& filter);
/// Fills in the addresses of hosts given by name; prints them if `verbose`. Throws UsageError for an unknown host, and
/// std::runtime_error if the look-up fails.
void find_hosts(Filter& filter, bool verbose);
/// Fills in the ports of services given by name. Throws as find_hosts() does.
void find_ports(Filter& filter);

/// Reads the addresses that the filter uses again, because addresses come and go.
void refresh(Filter& filter);

/// Returns the numbers of the values of one kind of filter, all of which must be resolved.
std::vector<std::uint64_t> numbers_of(const Filter& filter, std::string_view kind);
/// Returns the network namespaces that the filter chooses; empty: all.
std::vector<Inode> namespaces_of(const Filter& filter);

/// Quoted names of interfaces and network namespaces that changed.
struct Renamed {
    std::vector<std::string> others; // names of another interface or namespace than before
    std::vector<std::string> gone;   // names of nothing any more; the filter keeps their old numbers
};
/// Looks up the names again.
Renamed renew_names(Filter& filter);
std::vector<Note> notes_of(const Renamed& renamed);

} // namespace socktally
