// SPDX-License-Identifier: MIT
// The valid word nearest to a mistyped one, for error messages.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace socktally {

/// `did you mean "rx_bytes"?` where a word is within a third of the typed one's length in edits, else
/// `valid ones are a, b, c`.
std::string suggest(std::string_view typed, std::span<const std::string_view> valid);

} // namespace socktally
