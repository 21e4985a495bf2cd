// SPDX-License-Identifier: MIT
#include "formats/table_layout.hpp"

#include "formats/width.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace socktally {

namespace {

using Cut = Look::Cut;

constexpr std::array<std::string_view, 6> sgr = {"", "\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[32m", "\x1b[33m"};

/// A column of the table, and its widths.
struct Field {
    TableColumn column;
    std::size_t width = 0; // current width; at first the width of the widest cell
    std::size_t good = 0;  // the field becomes narrower than this only after other columns were left out
    std::size_t kept = 0;  // the field becomes narrower than this only after other fields were cut
    std::size_t least = 0; // the field never becomes narrower than this
};

void measure(Field& field, bool header)
{
    const TableColumn& column = field.column;
    const std::size_t heading = header ? display_width(column.heading) : 0;
    field.width = heading;
    for (const std::string& cell : column.cells) {
        field.width = std::max(field.width, display_width(cell));
    }
    const auto cut_to = [&](std::size_t width) {
        return column.look.cut == Cut::never ? field.width : std::max(heading, std::min(field.width, width));
    };
    field.least = cut_to(column.look.least);
    field.good = std::max(field.least, cut_to(column.look.good));
    field.kept = column.look.is_key ? field.good : field.least;
}

/// Returns the width of a line in which each field has its `width`: Field::width, Field::good or Field::least.
std::size_t width_of(const std::vector<Field>& fields, std::size_t Field::*width)
{
    std::size_t sum = 0;
    for (const Field& field : fields) {
        sum += field.*width + (&field == &fields.front() ? 0 : field.column.gap);
    }
    return sum;
}

void take_brief_cells(std::vector<Field>& fields, bool header)
{
    for (Field& field : fields) {
        if (!field.column.brief.empty()) {
            field.column.cells = std::move(field.column.brief);
            measure(field, header);
        }
    }
}

/// Leaves out all fields of the lowest rank (Look::expendable), not counting rank 0 and ranks from `limit` up. Returns
/// false if there are no such fields.
bool leave_some_out(std::vector<Field>& fields, unsigned limit)
{
    unsigned first = limit;
    for (const Field& field : fields) {
        first = field.column.look.expendable != 0 ? std::min(first, field.column.look.expendable) : first;
    }
    return first != limit &&
           std::erase_if(fields, [first](const Field& field) { return field.column.look.expendable == first; }) != 0;
}

/// Leaves out fields until the others fit into `width` with shortened cells. Returns the headings of fields of rank 0
/// that were left out.
std::vector<std::string> leave_out(std::vector<Field>& fields, std::size_t width)
{
    constexpr unsigned all = std::numeric_limits<unsigned>::max();
    while (width_of(fields, &Field::good) > width && leave_some_out(fields, Look::dear)) {
    }
    std::vector<std::string> missing;
    while (fields.size() > 1 && width_of(fields, &Field::least) > width) {
        if (!leave_some_out(fields, all)) {
            missing.insert(missing.begin(), std::move(fields.back().column.heading));
            fields.pop_back();
        }
    }
    return missing;
}

/// Makes the widest fields narrower, until a line fits into `limit` columns, or no field is wider than its `least`.
void narrow(std::vector<Field>& fields, std::size_t limit, std::size_t Field::*least)
{
    for (std::size_t width = width_of(fields, &Field::width); width > limit; --width) {
        Field* widest = nullptr;
        for (Field& field : fields) {
            const bool is_wider = widest == nullptr || field.width > widest->width;
            widest = field.width > field.*least && is_wider ? &field : widest;
        }
        if (widest == nullptr) {
            return;
        }
        --widest->width;
    }
}

/// Builds a line of the table, without trailing blanks.
class Line {
public:
    explicit Line(bool color) : color_(color) {}

    void add(const Field& field, const std::string& cell, Paint paint)
    {
        const TableColumn& column = field.column;
        const std::string text =
            column.look.cut == Cut::middle ? cut_in_middle(cell, field.width) : cut_to_width(cell, field.width);
        const std::size_t padding = field.width - display_width(text);
        blanks_ += (is_first_ ? 0 : column.gap) + (column.is_right_aligned ? padding : 0);
        if (!text.empty()) {
            text_.append(blanks_, ' ').append(painted(text, paint, color_));
            blanks_ = 0;
        }
        blanks_ += column.is_right_aligned ? 0 : padding;
        is_first_ = false;
    }
    std::string take() { return std::move(text_); }

private:
    bool color_;
    bool is_first_ = true;
    std::size_t blanks_ = 0; // number of blanks before the next text
    std::string text_;
};

} // namespace

std::string painted(std::string_view text, Paint paint, bool color)
{
    const bool is_painted = color && paint != Paint::plain && !text.empty();
    std::string result(is_painted ? sgr.at(static_cast<std::size_t>(paint)) : "");
    return result.append(text).append(is_painted ? "\x1b[0m" : "");
}

TableLines lay_out(std::vector<TableColumn> columns, std::size_t width, bool header, bool color)
{
    const std::size_t rows = columns.empty() ? 0 : columns.front().cells.size();
    std::vector<Field> fields;
    for (TableColumn& column : columns) {
        measure(fields.emplace_back(Field{std::move(column)}), header);
    }
    if (width_of(fields, &Field::width) > width) {
        std::erase_if(fields, [](const Field& field) { return field.column.look.expendable == Look::decoration; });
    }
    if (width_of(fields, &Field::width) > width) {
        take_brief_cells(fields, header);
    }
    TableLines table;
    table.missing = leave_out(fields, width);
    for (const auto limit : {&Field::good, &Field::kept, &Field::least}) {
        narrow(fields, width, limit);
    }
    if (header) {
        Line line(color);
        for (const Field& field : fields) {
            line.add(field, field.column.heading, Paint::dim);
        }
        table.lines.push_back(line.take());
    }
    for (std::size_t row = 0; row < rows; ++row) {
        Line line(color);
        for (const Field& field : fields) {
            const auto& paints = field.column.paints;
            line.add(field, field.column.cells[row], paints.empty() ? Paint::plain : paints[row]);
        }
        table.lines.push_back(line.take());
    }
    return table;
}

} // namespace socktally
