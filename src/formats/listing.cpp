// SPDX-License-Identifier: MIT
#include "formats/listing.hpp"

#include "formats/escape.hpp"
#include "formats/width.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>

namespace socktally {

namespace {

using Fields = std::vector<std::optional<std::string>>;
using Append = void (*)(std::string& out, std::string_view text);

void append_line(std::string& out, const Fields& fields, char separator, Append append)
{
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i > 0) {
            out += separator;
        }
        append(out, fields[i].value_or(""));
    }
    out += '\n';
}

void append_lines(std::string& out, const Listing& listing, bool header, char separator, Append append)
{
    if (header) {
        append_line(out, Fields(listing.headers.begin(), listing.headers.end()), separator, append);
    }
    for (const Fields& row : listing.rows) {
        append_line(out, row, separator, append);
    }
}

void append_object(std::string& out, const Listing& listing, const Fields& row)
{
    for (std::size_t i = 0; i < row.size(); ++i) {
        out += i == 0 ? '{' : ',';
        append_json_string(out, listing.headers[i]);
        out += ':';
        if (row[i]) {
            append_json_string(out, *row[i]);
        } else {
            out += "null";
        }
    }
    out += '}';
}

constexpr std::size_t gap = 2;

std::vector<std::size_t> widths_of(const std::vector<Fields>& lines, std::size_t columns)
{
    std::vector<std::size_t> widths(columns);
    for (const Fields& line : lines) {
        for (std::size_t i = 0; i < columns; ++i) {
            widths[i] = std::max(widths[i], display_width(printable(line[i].value_or(""))));
        }
    }
    return widths;
}

/// Where column `index` begins.
std::size_t columns_before(const std::vector<std::size_t>& widths, std::size_t index)
{
    return std::accumulate(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(index), index * gap);
}

/// The first fields of a line, as many as there are widths; the last of them is wrapped.
void append_aligned(std::string& out, const Fields& line, const std::vector<std::size_t>& widths, std::size_t width)
{
    const std::size_t begin = out.size();
    for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
        const std::string field = printable(line[i].value_or(""));
        out += field;
        out.append(widths[i] - display_width(field) + gap, ' ');
    }
    const std::size_t last = widths.size() - 1;
    out += wrap(printable(line[last].value_or("")), width, columns_before(widths, last), columns_before(widths, last));
    out.erase(std::max(begin, out.find_last_not_of(' ') + 1));
    out += '\n';
}

} // namespace

void render_listing_tsv(std::string& out, const Listing& listing, bool header)
{
    append_lines(out, listing, header, '\t', append_escaped);
}

void render_listing_csv(std::string& out, const Listing& listing, bool header)
{
    append_lines(out, listing, header, ',', append_csv_text);
}

void render_listing_json(std::string& out, const Listing& listing)
{
    out += '{';
    append_json_string(out, listing.name);
    out += ":[";
    for (std::size_t i = 0; i < listing.rows.size(); ++i) {
        out += i == 0 ? "\n" : ",\n";
        append_object(out, listing, listing.rows[i]);
    }
    out += "\n]}\n";
}

void render_listing_jsonl(std::string& out, const Listing& listing)
{
    for (const Fields& row : listing.rows) {
        append_object(out, listing, row);
        out += '\n';
    }
}

void render_listing_pretty(std::string& out, const Listing& listing, bool header, std::size_t width, LastColumn last)
{
    std::vector<Fields> lines;
    if (header) {
        lines.emplace_back(listing.headers.begin(), listing.headers.end());
    }
    lines.insert(lines.end(), listing.rows.begin(), listing.rows.end());
    std::vector<std::size_t> widths = widths_of(lines, listing.headers.size());
    const bool splits = last == LastColumn::beneath && columns_before(widths, widths.size()) > width + gap;
    if (splits) {
        widths.pop_back();
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
        append_aligned(out, lines[i], widths, width);
        const bool is_header = header && i == 0;
        if (splits && !is_header && lines[i].back()) {
            out.append(columns_before(widths, widths.size() - 1), ' ');
            out += listing.headers.back() + ": " + printable(*lines[i].back()) + '\n';
        }
    }
}

} // namespace socktally
