// SPDX-License-Identifier: MIT
// One function for each kind of option value: text in, value out, otherwise UsageError or std::invalid_argument (one
// line, naming what is accepted). Numbers consist of decimal digits only: no sign, blank, hexadecimal, octal or
// exponent.
#pragma once

#include "cli/options.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace socktally {

/// `5`, `5s`, `500ms`, `1.5s`, `1m30s`, `1 day`; exact to the nanosecond, at most 366 days. Zero is a value like any
/// other.
std::chrono::nanoseconds duration_value(std::string_view text);

/// The same, but more than zero.
std::chrono::nanoseconds interval_value(std::string_view text);
std::uint64_t count_value(std::string_view text); // of windows; 0 or more

/// In bytes: `8388608`, `8192K`, `64M`, `1G`; between 512K and 1G.
std::size_t capture_buffer_value(std::string_view text);

const Format* format_value(std::string_view text);
ColorWhen color_value(std::string_view text);

std::size_t top_value(std::string_view text); // 1 or more
TimePoint begin_value(std::string_view text); // RFC 3339, or a date: its first moment in UTC
TimePoint end_value(std::string_view text);   // RFC 3339, or a date: the first moment past it
Per per_value(std::string_view text);

} // namespace socktally
