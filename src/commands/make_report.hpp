// SPDX-License-Identifier: MIT
// Turns a sample into the rows and facts that a format prints. No I/O except to identify users and processes.
#pragma once

#include "commands/output_plan.hpp"
#include "processes/identifier.hpp"
#include "table/row.hpp"

#include <string>
#include <vector>

namespace socktally {

/// Returns the note that an alert on a rate was not checked, because there was no window.
Note unmeasured_note();

/// Attributes the flows to processes. Then reads the facts about these processes that the options need. `filter` is the
/// filter of the options, resolved. Drops the flows of `helper`, the process that looked up names; 0: none.
void find_owners(Sample& sample, const Viewer& viewer, const Options& options, const OutputPlan& plan,
                 const Filter& filter, Identifier& identifier, Pid helper = {});

/// Returns the remote addresses of the flows that may be printed, those with most bytes first.
std::vector<Address> remotes_of(const Sample& sample, const Options& options, Filter filter);

/// Groups the flows into rows, sorts the rows, and applies --alert and --top. Call it after find_owners().
Report make_report(Sample sample, const Options& options, const OutputPlan& plan, const Filter& filter,
                   Identifier& identifier);

/// With --service-names, looks up the names of the ports in the rows, if the format prints them.
void name_services(Report& report, const Options& options, const OutputPlan& plan);

/// Finishes the rows of a report, or of one hour or day in it: merges series, adds rates, applies --alert, --sort and
/// --top. `whole` is the report.
void finish_rows(std::vector<Row>& rows, const Report& whole, const Options& options, const OutputPlan& plan);

std::string render(const Report& report, const OutputPlan& plan);

} // namespace socktally
