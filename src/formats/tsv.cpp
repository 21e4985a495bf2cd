// SPDX-License-Identifier: MIT
// TSV escapes text, so each row is one line. CSV (RFC 4180, but with LF line ends) also quotes text.
#include "formats/escape.hpp"
#include "formats/format.hpp"

namespace socktally {

namespace {

struct Dialect {
    char separator;
    std::string_view empty_line; // written in place of an empty line
    void (*append_text)(std::string& out, std::string_view text);
};

constexpr Dialect tsv{'\t', "", append_escaped};
constexpr Dialect csv{',', "\"\"", append_csv_text}; // readers of CSV skip an empty line

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

void append_lines(std::string& out, const CellTable& table, const Style& style, const Dialect& dialect)
{
    constexpr std::size_t usual_cell = 8;
    const std::size_t columns = table.names.size();
    out.reserve(out.size() + (table.rows + 1) * columns * usual_cell); // grows without being copied again and again
    const auto end_field = [&](std::size_t column) { out += column + 1 == columns ? '\n' : dialect.separator; };
    for (std::size_t column = 0; style.header && column < columns; ++column) {
        out += table.names[column];
        end_field(column);
    }
    for (std::size_t row = 0; row < table.rows; ++row) {
        const std::size_t begin = out.size();
        for (std::size_t column = 0; column < columns; ++column) {
            append_cell(out, table.cell(row, column), dialect);
            if (out.size() == begin && columns == 1) {
                out += dialect.empty_line;
            }
            end_field(column);
        }
    }
}

template <const Dialect& dialect>
void render_lines(std::string& out, const Report& report, const ColumnList& columns, const Style& style)
{
    append_lines(out, cells_of(report, columns), style, dialect);
}

template <const Dialect& dialect>
void list_lines(std::string& out, const Listing& listing, const Style& style)
{
    append_lines(out, cells_of(listing), style, dialect);
}

} // namespace

extern const Format tsv_format{.name = "tsv",
                               .render = render_lines<tsv>,
                               .list = list_lines<tsv>,
                               .is_of_doctor = true,
                               .takes_made_rows = true,
                               .is_one_table = true};
extern const Format csv_format{
    .name = "csv", .render = render_lines<csv>, .list = list_lines<csv>, .takes_made_rows = true, .is_one_table = true};

} // namespace socktally
