// SPDX-License-Identifier: MIT
// Adds facts to a report that only formats for people print: counts, local connections, the busiest remote addresses.
// Must run on all groups, before rows are sorted and cut.
#pragma once

#include "cli/options.hpp"
#include "model/sample.hpp"
#include "table/row.hpp"

#include <cstdint>

namespace socktally {

/// Sets the number of groups, and the text for a report without rows. `passed` is the number of sockets or saved rows
/// that passed the filter, with or without traffic.
void describe(Report& report, const Options& options, std::uint64_t passed);

/// Counts local connections, and with `with_remotes` finds the busiest remote address of each row.
void describe_flows(Report& report, const Sample& sample, const Filter& filter, bool with_remotes);

} // namespace socktally
