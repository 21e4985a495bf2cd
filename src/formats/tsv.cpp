// SPDX-License-Identifier: MIT
// The two formats of plain lines: TSV, whose escapes keep a field on its line, and CSV, which quotes what is left.
#include "formats/escape.hpp"
#include "formats/render.hpp"

namespace socktally {

namespace {

struct Dialect {
    char separator;
    std::string_view empty_line; // in place of one
    void (*append_text)(std::string& out, std::string_view text);
};

void append_cell(std::string& out, const Cell& cell, const Dialect& dialect)
{
    if (const auto* number = std::get_if<std::uint64_t>(&cell)) {
        out += std::to_string(*number);
    } else if (const auto* decimal = std::get_if<Decimal>(&cell)) {
        out += to_string(*decimal);
    } else if (const auto* text = std::get_if<std::string>(&cell)) {
        dialect.append_text(out, *text);
    }
}

/// A line that is empty is no record to readers of CSV, so a field that is alone and empty is written "".
void append_row(std::string& out, const Row& row, GroupBy by, const ColumnList& columns, const Dialect& dialect)
{
    const std::size_t begin = out.size();
    for (const Column* column : columns) {
        if (column != columns.front()) {
            out.push_back(dialect.separator);
        }
        append_cell(out, cell(*column, row, by), dialect);
    }
    if (out.size() == begin) {
        out += dialect.empty_line;
    }
    out.push_back('\n');
}

void render_lines(std::string& out, const Report& report, const ColumnList& columns, bool header,
                  const Dialect& dialect)
{
    if (header) {
        for (const Column* column : columns) {
            out.append(column->name).push_back(column == columns.back() ? '\n' : dialect.separator);
        }
    }
    for (const Row& row : report.rows) {
        append_row(out, row, report.by, columns, dialect);
    }
}

} // namespace

void render_tsv(std::string& out, const Report& report, const ColumnList& columns, bool header)
{
    render_lines(out, report, columns, header, {'\t', "", append_escaped});
}

void render_csv(std::string& out, const Report& report, const ColumnList& columns, bool header)
{
    render_lines(out, report, columns, header, {',', "\"\"", append_csv_text});
}

} // namespace socktally
