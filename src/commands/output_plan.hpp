// SPDX-License-Identifier: MIT
// Turns the options into a plan of the output. Then finds out what the backend must measure for this plan, and what
// must be read about processes.
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

/// The output that the options ask for. It is made before the window begins, so that wrong options fail at once.
struct OutputPlan {
    const Format* format = nullptr; // never null after make_output_plan()
    ColumnList columns;
    ColumnList sort_columns;
    std::vector<Alert> alerts;
    Style style;
};

/// Makes the plan. Throws UsageError for an unknown column or a bad alert. A `terminal_height` of 0 means no limit.
OutputPlan make_output_plan(const Options& options, bool to_terminal, std::size_t terminal_width,
                            std::size_t terminal_height = 0);

/// Returns whether a column of the output, of --sort or of --alert has this requirement.
bool asks(const OutputPlan& plan, Requirement requirement);
/// Returns whether a column is printed or sorted by.
bool shows(const OutputPlan& plan, std::string_view column);
/// Returns whether an alert is on a rate. Rates exist only if there is a window.
bool has_rate_alert(const OutputPlan& plan);
/// Returns whether the output has totals that grow from run to run. --top then limits the number of series, not of
/// rows.
bool is_cumulative(const Options& options, const OutputPlan& plan);

/// Returns whether the output has facts for which all flows are read: the number of local connections, and the busiest
/// remote address of each row.
bool describes_flows(const Options& options, const OutputPlan& plan);

/// Returns whether the options need the names of remote addresses that --resolve looks up.
bool needs_names(const Options& options, const OutputPlan& plan);

/// Returns what a backend must deliver for this plan.
BackendOptions needs_of(const Options& options, const OutputPlan& plan);
/// Returns what must be read about processes for this plan.
IdentityNeeds identity_needs_of(const Options& options, const OutputPlan& plan);

} // namespace socktally
