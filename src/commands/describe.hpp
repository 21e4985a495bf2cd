// SPDX-License-Identifier: MIT
// Adds facts to a report that only formats for people print: the number of groups, local connections, the busiest
// remote addresses. Call these functions before --alert and --top remove rows, because they need all rows.
#pragma once

#include "cli/options.hpp"
#include "model/sample.hpp"
#include "table/row.hpp"

#include <cstdint>

namespace socktally {

/// Sets Report::group_count and Report::hint. `passed` is the number of sockets or saved rows that passed the
/// filter, with or without traffic. `is_lo_busy` is true if the report leaves out lo, which moved bytes.
void describe(Report& report, const Options& options, std::uint64_t passed, bool is_lo_busy = false);

/// Counts local connections. With `with_remotes`, also finds the busiest remote address of each row.
void describe_flows(Report& report, const Sample& sample, const Filter& filter, bool with_remotes);

} // namespace socktally
