// SPDX-License-Identifier: MIT
// Binary searches in the tables of width_tables.hpp.
#include "render/width.hpp"
#include "render/escape.hpp"
#include "render/width_tables.hpp"

#include <algorithm>
#include <span>

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
    if (c < 0x300)
        return 1;
    if (is_in(c, zero_width))
        return 0;
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

std::string cut_to_width(std::string_view text, std::size_t width)
{
    if (display_width(text) <= width)
        return std::string(text);
    std::size_t columns = 0;
    std::size_t bytes = 0;
    for (;;) {
        const Glyph glyph = first_glyph(text.substr(bytes));
        if (columns + glyph.columns + 1 > width) // 1: the ellipsis
            break;
        columns += glyph.columns;
        bytes += glyph.bytes;
    }
    return std::string(text.substr(0, bytes)) + (width == 0 ? "" : "…");
}

} // namespace socktally
