// SPDX-License-Identifier: MIT
// Lists in text, and text of messages: what the user typed, in quotes, and the valid word nearest to a mistyped one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// The parts between separators, of which there is one more than of these.
std::vector<std::string_view> split(std::string_view text, char separator);

/// `"text"` with controls and invalid bytes escaped; of a long text the beginning and an ellipsis.
std::string quote(std::string_view text);

/// The valid word that begins like the typed one, or is within a third of its length in edits; if any.
std::optional<std::string_view> nearest(std::string_view typed, std::span<const std::string_view> valid);

/// `did you mean "rx_bytes"?` if there is a nearest one, else
/// `valid ones are a, b, c`.
std::string suggest(std::string_view typed, std::span<const std::string_view> valid);

} // namespace socktally
