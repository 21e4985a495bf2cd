// SPDX-License-Identifier: MIT
// Binary searches in the tables of width_tables.hpp.
#include "formats/width.hpp"
#include "formats/escape.hpp"
#include "formats/width_tables.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace socktally {

namespace {

bool is_in(char32_t c, std::span<const CodePointRange> ranges)
{
    const auto after =
        std::upper_bound(ranges.begin(), ranges.end(), c,
                         [](char32_t value, const CodePointRange& range) { return value < range.first; });
    return after != ranges.begin() && c <= (after - 1)->last;
}

/// One step through text: how many bytes, how many columns.
struct Glyph {
    std::size_t bytes;
    std::size_t columns;
};

Glyph first_glyph(std::string_view text)
{
    const auto decoded = decode_utf8(text);
    return decoded ? Glyph{decoded->length, display_width(decoded->value)} : Glyph{1, 1};
}

} // namespace

bool is_printable(char32_t c)
{
    const bool is_ascii = c >= 0x20 && c < 0x7f;
    return is_ascii || !is_in(c, unprintable);
}

std::size_t display_width(char32_t c)
{
    if (c < 0x300) {
        return 1;
    }
    if (is_in(c, zero_width)) {
        return 0;
    }
    return is_in(c, double_width) ? 2 : 1;
}

std::size_t display_width(std::string_view text)
{
    std::size_t width = 0;
    while (!text.empty()) {
        const Glyph glyph = first_glyph(text);
        width += glyph.columns;
        text.remove_prefix(glyph.bytes);
    }
    return width;
}

bool is_blank(std::string_view text)
{
    while (!text.empty()) {
        const auto decoded = decode_utf8(text);
        if (!decoded || (!is_in(decoded->value, spaces) && display_width(decoded->value) != 0)) {
            return false;
        }
        text.remove_prefix(decoded->length);
    }
    return true;
}

std::string wrap(std::span<const std::string> pieces, std::size_t width, std::size_t begin, std::size_t indent)
{
    std::string result;
    std::size_t column = begin;
    for (const std::string& piece : pieces) {
        const std::size_t piece_width = display_width(piece);
        const bool is_first = &piece == &pieces.front();
        if (!is_first && column + 1 + piece_width > width) {
            result.append("\n").append(indent, ' ');
            column = indent;
        } else if (!is_first) {
            result += ' ';
            ++column;
        }
        result += piece;
        column += piece_width;
    }
    return result;
}

std::string wrap(std::string_view text, std::size_t width, std::size_t begin, std::size_t indent)
{
    std::vector<std::string> words;
    for (auto start = text.find_first_not_of(' '); start != text.npos; start = text.find_first_not_of(' ')) {
        text.remove_prefix(start);
        words.emplace_back(text.substr(0, text.find(' ')));
        text.remove_prefix(words.back().size());
    }
    return wrap(words, width, begin, indent);
}

std::string cut_to_width(std::string_view text, std::size_t width)
{
    if (display_width(text) <= width) {
        return std::string(text);
    }
    std::size_t columns = 0;
    std::size_t bytes = 0;
    for (;;) {
        const Glyph glyph = first_glyph(text.substr(bytes));
        if (columns + glyph.columns + 1 > width) { // 1: the ellipsis
            break;
        }
        columns += glyph.columns;
        bytes += glyph.bytes;
    }
    return std::string(text.substr(0, bytes)) + (width == 0 ? "" : "…");
}

} // namespace socktally
