// SPDX-License-Identifier: MIT
// Turns a sample into the rows and facts that a format prints. No I/O except to identify users and processes.
#pragma once

#include "commands/output_plan.hpp"
#include "processes/identifier.hpp"
#include "table/row.hpp"

#include <string>
#include <vector>

namespace socktally {

/// The note for an alert on a rate without a window.
Note unmeasured_note();

/// Attributes the flows, and identifies their owners as far as options need it. `filter` is the resolved filter of the
/// options.
void find_owners(Sample& sample, const Viewer& viewer, const Options& options, const OutputPlan& plan,
                 const Filter& filter, Identifier& identifier);

/// Groups, sorts and cuts the flows. Call it after find_owners().
Report make_report(Sample sample, const Options& options, const OutputPlan& plan, const Filter& filter,
                   Identifier& identifier);

/// Finishes rows that are printed together: merges series, adds rates, applies --alert, --sort and --top. `whole` is
/// the report that the rows belong to.
void finish_rows(std::vector<Row>& rows, const Report& whole, const Options& options, const OutputPlan& plan);

std::string render(const Report& report, const OutputPlan& plan);

} // namespace socktally
