// SPDX-License-Identifier: MIT
// The width of text on a terminal, by libutf8proc, because wcwidth() depends on the locale.
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

/// Returns the width of printable text in columns (see append_printable()). A byte that is not UTF-8 counts as one
/// column.
std::size_t display_width(std::string_view text);

/// Returns whether nothing of `text` is visible: it is empty, or only spaces and marks.
bool is_blank(std::string_view text);

/// Joins `pieces` with blanks into lines of at most `width` columns, unless a piece alone is wider. The first line
/// begins in column `begin`, the others are indented to column `indent`.
std::string wrap(std::span<const std::string> pieces, std::size_t width, std::size_t begin, std::size_t indent);
/// Wraps the words of `text` in the same way. A word that is wider than a line is broken.
std::string wrap(std::string_view text, std::size_t width, std::size_t begin, std::size_t indent);

/// Returns `text` if it fits into `width` columns, else its beginning and an ellipsis. Characters are not cut.
std::string cut_to_width(std::string_view text, std::size_t width);
/// Cuts in the middle instead: for addresses, ids and paths, whose ends tell most.
std::string cut_in_middle(std::string_view text, std::size_t width);

} // namespace socktally
