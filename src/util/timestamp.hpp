// SPDX-License-Identifier: MIT
// Points in time as text: RFC 3339, and the hours and days of reports. All in UTC.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

using TimePoint = std::chrono::sys_time<std::chrono::nanoseconds>;

/// With microseconds: "2026-11-20T21:32:00.123456Z".
std::string to_timestamp(std::chrono::system_clock::time_point time);
/// Without a fraction: "2026-11-20T21:00:00Z".
std::string to_short_timestamp(TimePoint time);

/// RFC 3339 with any offset, of the years 1970 to 2261; digits past the nanosecond are cut off. A leap second counts as
/// the second after it.
std::optional<TimePoint> parse_timestamp(std::string_view text);
/// Midnight (UTC) of a date such as "2026-11-20".
std::optional<TimePoint> parse_date(std::string_view text);

/// How long the pieces are that a report is cut into.
enum class Per : std::uint8_t { hour, day };
/// The beginning of the piece that `time` is in.
TimePoint beginning(TimePoint time, Per per);
std::chrono::seconds length(Per per);

} // namespace socktally
