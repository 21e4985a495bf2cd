// SPDX-License-Identifier: MIT
// The valid word nearest to a mistyped one, for error messages.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socktally {

/// The valid word that begins like the typed one, or is within a third of its length in edits; if any.
std::optional<std::string_view> nearest(std::string_view typed, std::span<const std::string_view> valid);

/// `did you mean "rx_bytes"?` where there is a nearest one, else
/// `valid ones are a, b, c`.
std::string suggest(std::string_view typed, std::span<const std::string_view> valid);

} // namespace socktally
