// SPDX-License-Identifier: MIT
// Finds filter values that match no process, because they are mistyped or the process has ended. resolve_filter() has
// already refused unknown users, interfaces and network namespaces.
#pragma once

#include "model/sample.hpp"
#include "processes/identifier.hpp"
#include "table/filter.hpp"

namespace socktally {

/// Adds a note for each value of the filter that matches no process of the sample and no living process, with the
/// nearest value that matches. If each matches a process, but none that may have moved bytes, adds a note for each that
/// says so. Call it after find_owners(). `is_list`: the sample lists sockets, for `ports`.
void add_unmatched_notes(Sample& sample, const Filter& filter, Identifier& identifier, bool is_list);

} // namespace socktally
