// SPDX-License-Identifier: MIT
// Text for messages: quotes what the user typed, and suggests a valid word for a mistyped one. Also splits lists.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Returns the parts between separators: one more than there are separators.
std::vector<std::string_view> split(std::string_view text, char separator);

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
