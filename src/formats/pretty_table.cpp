// SPDX-License-Identifier: MIT
// Texts and widths of the table's columns.
#include "formats/pretty_table.hpp"
#include "formats/escape.hpp"
#include "formats/human.hpp"
#include "formats/width.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace socktally {

namespace {

constexpr std::size_t min_bar = 5;
constexpr std::size_t max_bar = 24;
constexpr std::size_t good_name = 10; // names are not cut shorter than this while there is something else to leave out
constexpr std::size_t min_name = 4;
constexpr std::string_view rate_name; // no column

bool is_bytes(const Column& column) { return column.unit == "bytes"; }
bool is_share(const Column& column) { return column.unit == "percent"; }

std::string to_text(const Cell& cell, const Column& column)
{
    if (const auto* number = std::get_if<std::uint64_t>(&cell)) {
        if (is_rate(column)) {
            return human_bytes(*number) + "/s";
        }
        return is_bytes(column) ? human_bytes(*number) : std::to_string(*number);
    }
    if (const auto* decimal = std::get_if<Decimal>(&cell)) {
        return to_string(*decimal) + "%";
    }
    if (const auto* text = std::get_if<std::string>(&cell)) {
        return is_blank(*text) ? fmt::format("'{}'", *text) : printable(*text);
    }
    return "-";
}

std::string text_of(const Column& column, const Row& row, const GroupBy& by)
{
    const Cell value = cell(column, row, by);
    const bool is_sum = (is_bytes(column) || is_rate(column)) && !std::holds_alternative<std::monostate>(value);
    return marked(to_text(value, column), is_sum ? row.unknown_connections : 0);
}

void set_width(Field& field)
{
    field.width = display_width(field.heading);
    for (const std::string& text : field.cells) {
        field.width = std::max(field.width, display_width(text));
    }
}

Field column_field(const Column& column, const Report& report, bool header)
{
    Field field;
    field.column = column.name;
    if (header) {
        field.heading = column.header;
    }
    field.is_right_aligned = column.type != CellType::string;
    field.is_name = column.name == "process" || column.name == "user";
    const bool is_key = report.by.has(column.name);
    for (const Row& row : report.rows) { // people are told which row is the rest also if the key is a number
        field.cells.push_back(is_key && row.is_other() ? "other" : text_of(column, row, report.by));
    }
    set_width(field);
    return field;
}

Field rate_field(const Report& report, bool header)
{
    Field field;
    if (header) {
        field.heading = "RX+TX/s";
    }
    field.is_right_aligned = true;
    for (const Row& row : report.rows) {
        const auto window = row.window.value_or(report.duration);
        const bool has_rate = has_known_bytes(row) && window.count() != 0;
        field.cells.push_back(has_rate ? marked(human_rate(bytes_of(row), window), row.unknown_connections) : "-");
    }
    set_width(field);
    return field;
}

/// Columns that a line takes, were no name wider than `longest_name`.
std::size_t width_of(const Table& table, std::size_t longest_name)
{
    std::size_t width = 0;
    for (const Field& field : table.fields) {
        width += (field.is_name ? std::min(field.width, longest_name) : field.width) + gap;
    }
    if (table.has_share) {
        return width + share_width + table.bar_width;
    }
    return width - std::min(width, gap);
}

std::size_t width_of(const Table& table) { return width_of(table, std::string::npos); }

/// Narrows the names, the widest first, until a line takes at most `limit` columns or all are down to `least`.
void narrow_names(Table& table, std::size_t limit, std::size_t least)
{
    std::vector<Field*> names;
    for (Field& field : table.fields) {
        if (field.is_name) {
            names.push_back(&field);
        }
    }
    if (names.empty()) {
        return;
    }
    const auto is_narrower = [](const Field* a, const Field* b) { return a->width < b->width; };
    for (std::size_t width = width_of(table); width > limit; --width) {
        Field& widest = **std::max_element(names.begin(), names.end(), is_narrower);
        if (widest.width <= least) {
            return;
        }
        --widest.width;
    }
}

void drop(Table& table, std::string_view column)
{
    std::erase_if(table.fields, [column](const Field& field) { return field.column == column; });
}

/// Returns the columns that a table can do without, the most dispensable first.
std::vector<std::string_view> dispensable(const Report& report, const ColumnList& columns)
{
    if (columns != default_columns(report.by)) { // they were asked for
        return {rate_name};
    }
    if (report.by.has("user")) {
        return {"connections", rate_name};
    }
    return {"user", "connections", rate_name};
}

} // namespace

Table lay_out(const Report& report, const ColumnList& columns, const Style& style)
{
    Table table;
    for (const Column* column : columns) {
        table.fields.push_back(column_field(*column, report, style.header));
    }
    const auto shows = [&](bool (*is_it)(const Column&)) {
        return std::any_of(columns.begin(), columns.end(), [is_it](const Column* column) { return is_it(*column); });
    };
    const bool shows_bytes = shows(is_bytes);
    if (shows_bytes && !shows(is_rate) && report.duration.count() > 0 && !report.per) {
        table.fields.push_back(rate_field(report, style.header));
    }
    table.has_share = shows_bytes && !shows(is_share) && bytes_of(report.totals) != 0;
    table.bar_width = table.has_share ? min_bar : 0;

    const auto fits = [&] { return width_of(table, good_name) <= style.width; };
    if (!fits()) {
        table.bar_width = 0;
    }
    for (const std::string_view column : dispensable(report, columns)) {
        if (!fits()) {
            drop(table, column);
        }
    }
    table.has_share = table.has_share && fits();
    narrow_names(table, style.width, good_name);
    narrow_names(table, style.width, min_name);
    if (table.bar_width != 0) {
        table.bar_width = std::min(max_bar, table.bar_width + style.width - width_of(table));
    }
    return table;
}

std::string marked(std::string text, std::uint64_t unknown) { return unknown == 0 ? text : fmt::format("≥{}", text); }

} // namespace socktally
