// SPDX-License-Identifier: MIT
// Shared by formats of time series: the labels of a row, which identify a series, and its figures.
#pragma once

#include "formats/format.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Text of any bytes, never empty.
struct Label {
    std::string_view name;
    std::string value;
    auto operator<=>(const Label&) const = default;
};

/// The columns that tell series apart, as far as the row has them. What has no owner, and the rest past --top, has the
/// label `kind` too, because any process may have the same name. Of rows that may hold several processes only what has
/// no owner has the label `process`: else the name of a series would depend on which processes happened to move bytes.
std::vector<Label> labels_of(const Row& row, const ColumnList& columns, const GroupBy& by);

/// Returns the columns that hold figures; if there are none, the default figures.
ColumnList measures_of(const ColumnList& columns, const GroupBy& by);

struct Series {
    std::vector<Label> labels;
    Row row;
};

/// One for each set of labels, and in a report that is cut into pieces for each of those, with the rows added up for
/// which they are written the same way: a name that spells out an escape is written as the name that has to be escaped
/// so. Those that grow are in place of the rows, and their names are in the report.
std::vector<Series> series_of(const Report& report, const ColumnList& columns);

/// Adds up the rows that have the same labels, before some of them are cut off.
void merge_series(std::vector<Row>& rows, const ColumnList& columns, const GroupBy& by);

} // namespace socktally
