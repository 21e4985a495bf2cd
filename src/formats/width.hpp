// SPDX-License-Identifier: MIT
// How much room text takes on a terminal. By libutf8proc: wcwidth() depends on the locale.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace socktally {

/// False for what draws nothing or changes how other text is drawn: controls, format characters (bidi marks and
/// overrides, joiners, BOM, tags), fillers, line separators, private use, and what Unicode has not assigned. Spaces are
/// printable, and so are the selectors that emoji need.
bool is_printable(char32_t c);

/// Columns that a printable code point takes: 0 for combining marks, 2 for East Asian wide ones and emoji, else 1.
std::size_t display_width(char32_t c);

/// Columns of printable text (see append_printable). A byte that is not UTF-8 counts as one.
std::size_t display_width(std::string_view text);

/// True if nothing of `text` can be seen: it is empty, or spaces and marks only.
bool is_blank(std::string_view text);

/// `pieces` with blanks between them, in lines of at most `width` columns as far as their own widths allow. The first
/// line begins in column `begin`, the others are indented to column `indent`.
std::string wrap(std::span<const std::string> pieces, std::size_t width, std::size_t begin, std::size_t indent);
/// The same with the words of `text`; one that is wider than a line is broken.
std::string wrap(std::string_view text, std::size_t width, std::size_t begin, std::size_t indent);

/// Returns `text` if it fits into `width` columns, else its beginning and an ellipsis; never half a character.
std::string cut_to_width(std::string_view text, std::size_t width);
/// The same with the ellipsis in the middle: for addresses, ids and paths, whose ends tell most.
std::string cut_in_middle(std::string_view text, std::size_t width);

} // namespace socktally
