// SPDX-License-Identifier: MIT
// One parser for each kind of option value. Each throws UsageError or std::invalid_argument, with one line that says
// what is accepted. Numbers consist of decimal digits only, without sign, blanks or exponent.
#pragma once

#include "cli/options.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace socktally {

/// Parses `5`, `5s`, `500ms`, `1.5s`, `1m30s` or `1 day`; exact to the nanosecond, at most 366 days. Zero is allowed.
std::chrono::nanoseconds duration_value(std::string_view text);

/// Parses a duration greater than zero.
std::chrono::nanoseconds interval_value(std::string_view text);
std::uint64_t count_value(std::string_view text); // number of windows; 0 or more

/// Parses `8388608`, `8192K`, `64M` or `1G` into bytes; from 512K to 1G.
std::size_t capture_buffer_value(std::string_view text);

const Format* format_value(std::string_view text);
ColorWhen color_value(std::string_view text);

std::size_t top_value(std::string_view text); // 1 or more
/// Returns the day or month; for a time of RFC 3339, a period of no length. All begin and end in UTC.
Period period_value(std::string_view text);
Per per_value(std::string_view text);

} // namespace socktally
