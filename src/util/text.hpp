// SPDX-License-Identifier: MIT
// Text for messages: quotes what the user typed, and suggests a valid word for a mistyped one. Also splits text into
// items of a list, lines and words.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Returns the parts between separators: one more than there are separators.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Cuts the next word off the front of `text`. A word ends at a blank, tab or newline. Returns an empty word if there
/// is none.
std::string_view next_word(std::string_view& text);
/// Returns the words of a text, as next_word() cuts them off.
std::vector<std::string_view> words_of(std::string_view text);
/// Cuts the next line off the front of `text`. Returns the line without its newline.
std::string_view next_line(std::string_view& text);

/// Returns the text with the letters A to Z in lower case.
std::string lower(std::string_view text);

/// Returns `"text"` with control characters and invalid bytes escaped. A long text is cut short and ends in an
/// ellipsis.
std::string quote(std::string_view text);

/// Returns a valid word that begins with `typed`, or else the valid word that takes the fewest edits, or else one with
/// which `typed` begins. Leaves out words that take more edits than a third of the length of `typed`.
std::optional<std::string_view> nearest(std::string_view typed, std::span<const std::string_view> valid);

/// Returns `did you mean "rx_bytes"?` if there is a nearest word, else `valid ones are a, b, c`.
std::string suggest(std::string_view typed, std::span<const std::string_view> valid);

} // namespace socktally
