// SPDX-License-Identifier: MIT
// The list of formats, and the tables of cells that they print.
#include "formats/format.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace socktally {

extern const Format tsv_format, csv_format, json_format, jsonl_format, pretty_format, prom_format, influx_format;

namespace {

constexpr std::array all_formats{&tsv_format,    &csv_format,  &json_format,  &jsonl_format,
                                 &pretty_format, &prom_format, &influx_format};

} // namespace

std::span<const Format* const> formats() { return all_formats; }

const Format* find_format(std::string_view name)
{
    const auto found = std::find_if(all_formats.begin(), all_formats.end(),
                                    [name](const Format* format) { return format->name == name; });
    return found == all_formats.end() ? nullptr : *found;
}

const Format* format_or_usual(const Format* asked, bool to_terminal)
{
    const Format* usual = to_terminal ? &pretty_format : &tsv_format;
    return asked != nullptr ? asked : usual;
}

CellTable cells_of(const Report& report, const ColumnList& columns)
{
    CellTable table;
    std::transform(columns.begin(), columns.end(), std::back_inserter(table.names),
                   [](const Column* column) { return column->name; });
    if (const MadeRows& made = report.made; made.count != 0) {
        table.rows = made.count;
        table.cell = [&report, columns, row = Row(), next = std::size_t{0}](std::size_t i, std::size_t column) mutable {
            if (i + 1 != next) {
                row = report.made.make(i);
                next = i + 1;
            }
            return cell(*columns[column], row, report.by);
        };
    } else {
        table.rows = report.rows.size();
        table.cell = [&report, columns](std::size_t row, std::size_t column) {
            return cell(*columns[column], report.rows[row], report.by);
        };
    }
    return table;
}

CellTable cells_of(const Listing& listing)
{
    return {{listing.headers.begin(), listing.headers.end()},
            listing.rows.size(),
            [&listing](std::size_t row, std::size_t column) { return listing.rows[row][column]; }};
}

} // namespace socktally
