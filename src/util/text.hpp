// SPDX-License-Identifier: MIT
// Text for messages: quotes what the user typed, and suggests the valid word nearest to a mistyped one; also splits
// lists.
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

/// Returns the valid word that begins like the typed one, or differs from it by edits of at most a third of its length;
/// null if none does.
std::optional<std::string_view> nearest(std::string_view typed, std::span<const std::string_view> valid);

/// Returns `did you mean "rx_bytes"?` if there is a nearest word, else `valid ones are a, b, c`.
std::string suggest(std::string_view typed, std::span<const std::string_view> valid);

} // namespace socktally
