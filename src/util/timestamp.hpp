// SPDX-License-Identifier: MIT
// Points in time as text: RFC 3339, and the hours and days of reports. All are in UTC.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

using TimePoint = std::chrono::sys_time<std::chrono::nanoseconds>;

/// Returns a time with microseconds: "2026-11-20T21:32:00.123456Z".
std::string to_timestamp(std::chrono::system_clock::time_point time);
/// Returns a time without a fraction of a second: "2026-11-20T21:00:00Z".
std::string to_short_timestamp(TimePoint time);

/// Parses a time of RFC 3339 with any offset, for the years 1970 to 2261. Drops digits past the nanosecond. A leap
/// second (23:59:60) counts as the second after it.
std::optional<TimePoint> parse_timestamp(std::string_view text);
struct Period {
    TimePoint begin;
    TimePoint end; // excluded
};
/// Parses a day such as "2026-11-20" or a month such as "2026-11", which begin at midnight in UTC.
std::optional<Period> parse_period(std::string_view text);

/// The length of the periods that a report is split into.
enum class Per : std::uint8_t { hour, day };
/// Returns the start of the period that contains `time`.
TimePoint beginning(TimePoint time, Per per);
std::chrono::seconds length(Per per);

} // namespace socktally
