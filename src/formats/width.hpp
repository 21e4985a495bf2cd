// SPDX-License-Identifier: MIT
// The width of text on a terminal. Uses libutf8proc, because wcwidth() depends on the locale.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace socktally {

/// Returns false for code points that are invisible or change how other text is drawn: control and format characters
/// (bidi marks and overrides, joiners, BOM, tags), fillers, line separators, private use, and unassigned ones. Spaces
/// and the variation selectors that emoji need are printable.
bool is_printable(char32_t c);

/// Returns the width of a printable code point in columns: 0 for combining marks, 2 for East Asian wide ones and emoji,
/// else 1.
std::size_t display_width(char32_t c);

/// Returns the width in columns of text that append_printable() has escaped. A byte that is not UTF-8 counts as one
/// column.
std::size_t display_width(std::string_view text);

/// Returns whether nothing of `text` is visible, because it is empty or has only spaces and combining marks.
bool is_blank(std::string_view text);

/// Joins `pieces` with blanks into lines of at most `width` columns, unless a piece alone is wider. The first line
/// begins in column `begin`, the others are indented to column `indent`.
std::string wrap(std::span<const std::string> pieces, std::size_t width, std::size_t begin, std::size_t indent);
/// Joins the words of `text` into lines, like the wrap() above. Breaks a word that is wider than a line.
std::string wrap(std::string_view text, std::size_t width, std::size_t begin, std::size_t indent);

/// Returns `text` if it fits into `width` columns, else its beginning and an ellipsis. Never cuts a character in two.
std::string cut_to_width(std::string_view text, std::size_t width);
/// Like cut_to_width(), but cuts out the middle, because the ends of addresses, ids and paths tell most.
std::string cut_in_middle(std::string_view text, std::size_t width);

} // namespace socktally
