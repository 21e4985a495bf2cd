// SPDX-License-Identifier: MIT
#include "formats/width.hpp"
#include "formats/escape.hpp"

#include <utf8proc.h>

#include <vector>

namespace socktally {

namespace {

bool is_ascii(char32_t c) { return c < 0x80; }

utf8proc_category_t category_of(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

/// A code point, or an invalid byte: its length in bytes and its width on the screen.
struct Glyph {
    std::size_t bytes;
    std::size_t columns;
};

Glyph first_glyph(std::string_view text)
{
    const auto decoded = decode_utf8(text);
    return decoded ? Glyph{decoded->length, display_width(decoded->value)} : Glyph{1, 1};
}

/// Returns how many bytes of `text` fit into `width` columns, with all combining marks of the last character.
std::size_t bytes_within(std::string_view text, std::size_t width)
{
    std::size_t bytes = 0;
    std::size_t columns = 0;
    while (bytes < text.size()) {
        const Glyph glyph = first_glyph(text.substr(bytes));
        columns += glyph.columns;
        if (columns > width) {
            break;
        }
        bytes += glyph.bytes;
    }
    return bytes;
}

} // namespace

bool is_printable(char32_t c)
{
    if (is_ascii(c)) {
        return c >= 0x20 && c < 0x7f;
    }
    switch (category_of(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    default: break;
    }
    const bool is_selector = c >= 0xfe00 && c <= 0xfe0f;
    const bool is_filler = c == 0x2800; // the empty Braille pattern
    return is_selector || (!is_filler && utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->ignorable == 0);
}

std::size_t display_width(char32_t c)
{
    if (is_ascii(c)) {
        return 1;
    }
    const auto category = category_of(c);
    // Hangul vowels and final consonants are drawn as part of the syllable before them.
    const bool joins = c >= 0x1160 && c <= 0x11ff;
    if (joins || category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME) {
        return 0;
    }
    return utf8proc_charwidth(static_cast<utf8proc_int32_t>(c)) == 2 ? 2 : 1;
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
        if (!decoded || (category_of(decoded->value) != UTF8PROC_CATEGORY_ZS && display_width(decoded->value) != 0)) {
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
    constexpr std::size_t least = 10; // in lines narrower than this, words are not broken
    const std::size_t longest = width >= indent + least ? width - indent : text.size();
    std::vector<std::string> words;
    for (auto start = text.find_first_not_of(' '); start != text.npos; start = text.find_first_not_of(' ')) {
        text.remove_prefix(start);
        std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(word.size());
        while (!word.empty()) {
            words.emplace_back(word.substr(0, bytes_within(word, longest)));
            word.remove_prefix(words.back().size());
        }
    }
    return wrap(words, width, begin, indent);
}

std::string cut_to_width(std::string_view text, std::size_t width)
{
    if (display_width(text) <= width) {
        return std::string(text);
    }
    return width == 0 ? "" : std::string(text.substr(0, bytes_within(text, width - 1))) + "…";
}

std::string cut_in_middle(std::string_view text, std::size_t width)
{
    const std::size_t whole = display_width(text);
    if (whole <= width || width == 0) {
        return cut_to_width(text, width);
    }
    const std::size_t tail = (width - 1) / 2;
    std::size_t begin = bytes_within(text, whole - tail);
    if (display_width(text.substr(begin)) > tail) { // the tail would begin in the middle of a wide character
        begin += bytes_within(text.substr(begin), 2);
    }
    return std::string(text.substr(0, bytes_within(text, width - 1 - tail))).append("…").append(text.substr(begin));
}

} // namespace socktally
