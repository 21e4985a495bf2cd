// SPDX-License-Identifier: MIT
// From a sample to the rows and facts that a format prints. No I/O but who users and processes are.
#pragma once

#include "backend/backend.hpp"
#include "cli/options.hpp"
#include "identity/identifier.hpp"
#include "model/row.hpp"
#include "render/alert.hpp"
#include "render/render.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace socktally {

/// What the options ask to be printed, checked before the window begins.
struct Layout {
    Format format = Format::tsv;
    ColumnList columns;
    ColumnList sort_columns;
    std::vector<Alert> alerts;
    bool header = true; // of the formats of lines
    PrettyStyle style;  // for Format::pretty
};

/// Throws UsageError for an unknown column or a bad alert.
Layout make_layout(const Options& options, bool to_terminal, std::size_t terminal_width);

/// Whether a column that is printed or sorted by has these needs.
bool asks(const Layout& layout, Needs needs);
/// Whether an alert is on a rate, which only a window has; and what to say where there is none.
bool has_rate_alert(const Layout& layout);
Note unmeasured_note();
/// Whether what is printed are totals that grow from run to run: then all rows are needed, whatever --top says.
bool is_cumulative(const Options& options, const Layout& layout);

/// What a backend has to know to answer this.
BackendOptions needs_of(const Options& options, const Layout& layout);
/// What has to be known of processes.
IdentityNeeds identity_needs_of(const Options& options, const Layout& layout);

/// Attributes the flows, and finds out who their owners are as far as that is asked for.
void find_owners(Sample& sample, const Viewer& viewer, const Options& options, const Layout& layout,
                 Identifier& identifier);

/// Groups, sorts and cuts what has its owners. `filter` is the options' one with users, namespaces and interfaces
/// filled in.
Report make_report(Sample sample, const Options& options, const Layout& layout, const Filter& filter,
                   Identifier& identifier);

/// What is done to rows that are printed together: series made one, rates, --alert, --sort and --top. `whole` is the
/// report that they are of.
void arrange(std::vector<Row>& rows, const Report& whole, const Options& options, const Layout& layout);

std::string render(const Report& report, const Layout& layout);

} // namespace socktally
