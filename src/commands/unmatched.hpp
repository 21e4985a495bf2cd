// SPDX-License-Identifier: MIT
// Filters by what a process is, and no process is that: mistyped, or over. Users, interfaces and network namespaces
// that do not exist are refused before (resolve_filter.hpp).
#pragma once

#include "model/sample.hpp"
#include "processes/identifier.hpp"
#include "table/filter.hpp"

namespace socktally {

/// A note for each value of the filter that no process of the sample has, and none that lives now; with the nearest
/// that one has. The sample has its owners.
void add_unmatched_notes(Sample& sample, const Filter& filter, Identifier& identifier);

} // namespace socktally
