// SPDX-License-Identifier: MIT
// Finds filter values that match no process, because they are mistyped or the process has ended. resolve_filter() has
// already refused unknown users, interfaces and network namespaces.
#pragma once

#include "model/sample.hpp"
#include "processes/identifier.hpp"
#include "table/filter.hpp"

namespace socktally {

/// Adds a note for each value of the filter that matches neither a process of the sample nor a living process. The note
/// suggests the nearest value that matches. If each value matches a process, but none of these processes may have moved
/// bytes, adds a note for each value that says so. `is_list` is true if the sample is for `ports`. Call it after
/// find_owners().
void add_unmatched_notes(Sample& sample, const Filter& filter, Identifier& identifier, bool is_list);

} // namespace socktally
