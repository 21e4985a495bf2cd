// SPDX-License-Identifier: MIT
// Adds to a report what only formats for people print: counts, local connections, the busiest remote addresses. Works
// on all groups, before rows are sorted and cut.
#pragma once

#include "cli/options.hpp"
#include "model/sample.hpp"
#include "table/row.hpp"

#include <cstdint>

namespace socktally {

/// Fills in how many groups the report has, and what to say if it has none. `passed`: how many sockets or saved rows
/// passed the filter, with or without traffic.
void describe(Report& report, const Options& options, std::uint64_t passed);

/// Fills in which connections are local, and with `with_remotes` the busiest remote address of each row.
void describe_flows(Report& report, const Sample& sample, const Filter& filter, bool with_remotes);

} // namespace socktally
