// SPDX-License-Identifier: MIT
// Turns the options into a plan of the output, and into what must be measured and read for it.
#pragma once

#include "cli/options.hpp"
#include "formats/format.hpp"
#include "model/identity.hpp"
#include "table/alert.hpp"
#include "traffic/backend.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// The output that the options ask for, checked before the window begins.
struct OutputPlan {
    const Format* format = nullptr; // never null once made
    ColumnList columns;
    ColumnList sort_columns;
    std::vector<Alert> alerts;
    Style style;
};

/// Makes the plan. Throws UsageError for an unknown column or a bad alert. A `terminal_height` of 0 means no limit.
OutputPlan make_output_plan(const Options& options, bool to_terminal, std::size_t terminal_width,
                            std::size_t terminal_height = 0);

/// Returns whether a column that is printed, sorted by or in an alert has this requirement.
bool asks(const OutputPlan& plan, Requirement requirement);
/// Returns whether a column is printed or sorted by.
bool shows(const OutputPlan& plan, std::string_view column);
/// Returns whether an alert is on a rate, which only a window has.
bool has_rate_alert(const OutputPlan& plan);
/// Returns whether totals that grow from run to run are printed. All rows are then needed, whatever --top says.
bool is_cumulative(const Options& options, const OutputPlan& plan);

/// Returns whether `pretty` also shows what is found by reading the flows: the number of local connections, and the
/// busiest remote address of each row.
bool describes_flows(const Options& options, const OutputPlan& plan);

/// Returns what a backend must deliver for this plan.
BackendOptions needs_of(const Options& options, const OutputPlan& plan);
/// Returns what must be read about processes for this plan.
IdentityNeeds identity_needs_of(const Options& options, const OutputPlan& plan);

} // namespace socktally
