// SPDX-License-Identifier: MIT
// Texts and widths of the table's columns.
#include "render/table.hpp"
#include "render/escape.hpp"
#include "render/human.hpp"
#include "render/width.hpp"

#include <algorithm>

namespace socktally {

namespace {

constexpr std::size_t min_bar = 5;
constexpr std::size_t max_bar = 24;
constexpr std::size_t min_name = 10; // names are not cut shorter than this

bool is_bytes(const Column& column) { return column.unit == "bytes"; }

std::string to_text(const Cell& cell, const Column& column)
{
    if (const auto* number = std::get_if<std::uint64_t>(&cell))
        return is_bytes(column) ? human_bytes(*number) : std::to_string(*number);
    if (const auto* text = std::get_if<std::string>(&cell))
        return printable(*text);
    return "-";
}

void set_width(Field& field)
{
    field.width = display_width(field.heading);
    for (const std::string& text : field.cells)
        field.width = std::max(field.width, display_width(text));
}

Field column_field(const Column& column, const Report& report, bool header)
{
    Field field;
    if (header)
        field.heading = column.heading;
    field.is_right_aligned = column.type == CellType::integer;
    field.is_name = column.name == "process" || column.name == "user";
    const bool is_key = column.name == to_string(report.by);
    for (const Row& row : report.rows) // people are told which row is the rest also where the key is a number
        field.cells.push_back(is_key && row.other ? "other" : to_text(cell(column, row, report.by), column));
    set_width(field);
    return field;
}

Field rate_field(const Report& report, bool header)
{
    Field field;
    if (header)
        field.heading = "RATE";
    field.is_right_aligned = true;
    for (const Row& row : report.rows)
        field.cells.push_back(has_known_bytes(row) ? human_rate(bytes_of(row), report.duration) : "-");
    set_width(field);
    return field;
}

std::size_t width_of(const std::vector<Field>& fields)
{
    std::size_t width = 0;
    for (const Field& field : fields)
        width += field.width + (&field == &fields.back() ? 0 : gap);
    return width;
}

/// Narrows the names, the widest first, until a line takes at most `limit` columns. False, and nothing done, where that
/// would not be enough.
bool narrow_names(std::vector<Field>& fields, std::size_t limit)
{
    std::vector<Field*> names;
    std::size_t spare = 0;
    for (Field& field : fields) {
        if (!field.is_name || field.width <= min_name)
            continue;
        names.push_back(&field);
        spare += field.width - min_name;
    }
    std::size_t width = width_of(fields);
    if (width > limit + spare)
        return false;
    const auto is_narrower = [](const Field* a, const Field* b) { return a->width < b->width; };
    for (; width > limit; --width)
        --(*std::max_element(names.begin(), names.end(), is_narrower))->width;
    return true;
}

} // namespace

Table lay_out(const Report& report, const ColumnList& columns, const PrettyStyle& style)
{
    Table table;
    for (const Column* column : columns)
        table.fields.push_back(column_field(*column, report, style.header));
    const bool shows_bytes = std::any_of(columns.begin(), columns.end(), [](const Column* c) { return is_bytes(*c); });
    const bool has_rate = shows_bytes && report.duration.count() > 0;
    if (has_rate)
        table.fields.push_back(rate_field(report, style.header));

    constexpr std::size_t share_width = gap + percent_width + 1; // all of it but the bar
    const bool has_share = shows_bytes && bytes_of(report.totals) != 0 && style.width > share_width + min_bar;
    if (has_share && narrow_names(table.fields, style.width - share_width - min_bar)) {
        table.bar_width = std::min(max_bar, style.width - share_width - width_of(table.fields));
        return table;
    }
    if (!narrow_names(table.fields, style.width) && has_rate) {
        table.fields.pop_back();
        narrow_names(table.fields, style.width);
    }
    return table;
}

std::string printable(std::string_view text)
{
    std::string result;
    append_printable(result, text);
    return result;
}

} // namespace socktally
