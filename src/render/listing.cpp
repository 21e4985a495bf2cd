// SPDX-License-Identifier: MIT
#include "render/listing.hpp"

#include "render/escape.hpp"
#include "render/width.hpp"

#include <algorithm>
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

std::string printable(const std::optional<std::string>& field)
{
    std::string text;
    append_printable(text, field.value_or(""));
    return text;
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

void render_listing_pretty(std::string& out, const Listing& listing, bool header)
{
    std::vector<Fields> lines;
    if (header) {
        lines.emplace_back(listing.headers.begin(), listing.headers.end());
    }
    lines.insert(lines.end(), listing.rows.begin(), listing.rows.end());
    std::vector<std::size_t> widths(listing.headers.size());
    for (const Fields& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            widths[i] = std::max(widths[i], display_width(printable(line[i])));
        }
    }
    constexpr std::size_t gap = 2;
    for (const Fields& line : lines) {
        std::string text;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const std::string field = printable(line[i]);
            text += field;
            text.append(widths[i] - display_width(field) + gap, ' ');
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + '\n';
    }
}

} // namespace socktally
