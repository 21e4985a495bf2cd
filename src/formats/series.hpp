// SPDX-License-Identifier: MIT
// Shared by formats of time series: the labels of a row, which identify its series, and its figures.
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

/// Returns the columns that identify the series of a row, without null values. Traffic without an owner, and the rest
/// past --top, also have the label `kind`, because a process may have the same name. If a row may be of several
/// processes, only traffic without an owner has the label `process`: else the identity of a series would depend on
/// which processes happened to move bytes.
std::vector<Label> labels_of(const Row& row, const ColumnList& columns, const GroupBy& by);

/// Returns the columns that hold figures; if there are none, the default figures.
ColumnList measures_of(const ColumnList& columns, const GroupBy& by);

struct Series {
    std::vector<Label> labels;
    Row row;
};

/// Returns one series for each set of labels, and in a report by hour or day for each of these. Rows whose labels are
/// written in the same way are added up: a name that contains the text of an escape is written like the name that needs
/// the escape. Cumulative totals (Report::series) replace the rows.
std::vector<Series> series_of(const Report& report, const ColumnList& columns);

/// Adds up rows that have the same labels, before --top cuts the rows.
void merge_series(std::vector<Row>& rows, const ColumnList& columns, const GroupBy& by);

} // namespace socktally
