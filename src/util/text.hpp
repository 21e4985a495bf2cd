// SPDX-License-Identifier: MIT
// Text of messages: what the user typed, in quotes, and the valid word nearest to a mistyped one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socktally {

/// `"text"` with controls and invalid bytes escaped; of a long text the beginning and an ellipsis.
std::string quote(std::string_view text);

/// The valid word that begins like the typed one, or is within a third of its length in edits; if any.
std::optional<std::string_view> nearest(std::string_view typed, std::span<const std::string_view> valid);

/// `did you mean "rx_bytes"?` if there is a nearest one, else
/// `valid ones are a, b, c`.
std::string suggest(std::string_view typed, std::span<const std::string_view> valid);

} // namespace socktally
