// SPDX-License-Identifier: MIT
// Shared by time-series formats: the labels that identify the series of a row, and the figures.
#pragma once

#include "formats/format.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// A label of a series. Its value may have any bytes, and is never empty.
struct Label {
    std::string_view name;
    std::string value;
    auto operator<=>(const Label&) const = default;
};

/// Returns the labels that identify the series of a row. A null value gives no label. Rows of RowKind::cause and
/// RowKind::other also have the label `kind`, because a process may have the same name. If a key gathers processes
/// (Key::gathers), only rows of RowKind::cause have the label `process`. In a row of processes, this label would change
/// with the processes that moved bytes, and so would the series.
std::vector<Label> labels_of(const Row& row, const ColumnList& columns, const GroupBy& by);

/// Returns the columns of figures in `columns`. If there are none, returns the default figures.
ColumnList measures_of(const ColumnList& columns, const GroupBy& by);

struct Series {
    std::vector<Label> labels;
    Row row;
};

/// Returns one series for each set of labels; in a report by hour or day, one for each hour or day. Rows are added up
/// if their labels look the same after escaping, such as a name with a newline and a name with the text `\n`. If the
/// report is cumulative, uses Report::series in place of the rows.
std::vector<Series> series_of(const Report& report, const ColumnList& columns);

/// Adds up rows that have the same labels. Call it before --top cuts off rows.
void merge_series(std::vector<Row>& rows, const ColumnList& columns, const GroupBy& by);

} // namespace socktally
