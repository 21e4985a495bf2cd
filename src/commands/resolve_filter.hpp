// SPDX-License-Identifier: MIT
// The filter of the options with what only this machine knows: numbers of users and namespaces, its interfaces.
#pragma once

#include "cli/options.hpp"
#include "model/sample.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace socktally {

/// Throws UsageError for a name that does not exist.
Filter resolve_filter(const Options& options);

/// Fills in the ids of users. Throws UsageError for an unknown user.
void find_users(Criteria& criteria);
/// The same for interfaces, by their names in `interfaces`. A text may be a list of names.
void find_interfaces(Criteria& criteria, const std::vector<Interface>& interfaces);

/// Addresses come and go, so the interfaces that the filter uses are read again.
void refresh(Filter& filter);

/// Names of interfaces and network namespaces, quoted.
struct Renamed {
    std::vector<std::string> others; // that mean something else than they did
    std::vector<std::string> gone;   // that mean nothing any more: the filter keeps what they meant
};
/// Looks the names up again.
Renamed renew_names(Filter& filter);
std::vector<Note> notes_of(const Renamed& renamed);

} // namespace socktally
