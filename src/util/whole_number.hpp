// SPDX-License-Identifier: MIT
// A decimal number as text: no sign, no blanks, no other base.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace socktally {

/// All of `text`; null where it is anything else or does not fit.
inline std::optional<std::uint64_t> whole_number(std::string_view text)
{
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

} // namespace socktally
