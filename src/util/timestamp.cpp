// SPDX-License-Identifier: MIT
#include "util/timestamp.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>

namespace socktally {

namespace {

using namespace std::chrono;

/// Cuts the part that has the form `shape` off the front of `text`, and returns the numbers in it. Each 0 in `shape`
/// stands for a digit. Returns null if `text` begins in another form.
template <std::size_t count>
std::optional<std::array<int, count>> take(std::string_view& text, std::string_view shape)
{
    std::array<int, count> numbers{};
    std::size_t number = 0;
    if (text.size() < shape.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const char c = text[i];
        if (shape[i] != '0') {
            if (c != shape[i] && !(shape[i] == 'T' && c == 't')) {
                return std::nullopt;
            }
            number += i > 0 ? 1 : 0;
        } else if (c < '0' || c > '9') {
            return std::nullopt;
        } else {
            numbers[number] = numbers[number] * 10 + (c - '0');
        }
    }
    text.remove_prefix(shape.size());
    return numbers;
}

std::optional<TimePoint> take_date(std::string_view& text)
{
    constexpr int first_year = 1970;
    constexpr int last_year = 2261; // nanoseconds since 1970 fit in 64 bits until 2262
    const auto numbers = take<3>(text, "0000-00-00");
    if (!numbers || (*numbers)[0] < first_year || (*numbers)[0] > last_year) {
        return std::nullopt;
    }
    const auto [y, m, d] = *numbers;
    const year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
    return date.ok() ? std::optional(TimePoint(sys_days(date))) : std::nullopt;
}

std::optional<nanoseconds> take_clock(std::string_view& text)
{
    const auto numbers = take<3>(text, "T00:00:00");
    if (!numbers || (*numbers)[0] > 23 || (*numbers)[1] > 59 || (*numbers)[2] > 60) {
        return std::nullopt;
    }
    const auto [h, m, s] = *numbers;
    return hours(h) + minutes(m) + seconds(s);
}

/// Cuts a fraction of a second (".5") off the front of `text`, and returns it; 0 if there is none. Drops digits past
/// the nanosecond. Returns null if no digit follows the point.
std::optional<nanoseconds> take_fraction(std::string_view& text)
{
    nanoseconds value{0};
    if (!text.starts_with('.')) {
        return value;
    }
    std::size_t end = 1;
    for (nanoseconds place = 100ms; end < text.size() && text[end] >= '0' && text[end] <= '9'; ++end, place /= 10) {
        value += place * (text[end] - '0');
    }
    text.remove_prefix(end);
    return end > 1 ? std::optional(value) : std::nullopt;
}

/// Parses an offset from UTC, such as "+01:00" or "Z". Returns null if `text` is anything else.
std::optional<minutes> parse_utc_offset(std::string_view text)
{
    if (text == "Z" || text == "z") {
        return 0min;
    }
    const bool is_west = text.starts_with('-');
    const auto numbers = take<2>(text, is_west ? "-00:00" : "+00:00");
    if (!numbers || !text.empty() || (*numbers)[0] > 23 || (*numbers)[1] > 59) {
        return std::nullopt;
    }
    const minutes offset = hours((*numbers)[0]) + minutes((*numbers)[1]);
    return is_west ? -offset : offset;
}

} // namespace

std::string to_timestamp(system_clock::time_point time)
{
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(floor<microseconds>(time - day));
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::string to_short_timestamp(TimePoint time)
{
    constexpr std::size_t before_fraction = std::string_view("2026-11-20T21:00:00").size();
    return to_timestamp(floor<system_clock::duration>(time)).substr(0, before_fraction) + 'Z';
}

std::optional<TimePoint> parse_timestamp(std::string_view text)
{
    const auto date = take_date(text);
    const auto clock = date ? take_clock(text) : std::nullopt;
    const auto fraction = clock ? take_fraction(text) : std::nullopt;
    const auto offset = fraction ? parse_utc_offset(text) : std::nullopt;
    return offset ? std::optional(*date + *clock + *fraction - *offset) : std::nullopt;
}

std::optional<Period> parse_period(std::string_view text)
{
    const bool is_month = text.size() == std::string_view("2026-11").size();
    const std::string first_day = fmt::format("{}{}", text, is_month ? "-01" : "");
    std::string_view rest = first_day;
    const auto begin = take_date(rest);
    if (!begin || !rest.empty()) {
        return std::nullopt;
    }
    const year_month_day date(floor<days>(*begin));
    return Period{*begin, is_month ? TimePoint(sys_days(date + months(1))) : *begin + days(1)};
}

TimePoint beginning(TimePoint time, Per per)
{
    return per == Per::hour ? TimePoint(floor<hours>(time)) : floor<days>(time);
}

seconds length(Per per) { return per == Per::hour ? seconds(1h) : seconds(days(1)); }

} // namespace socktally
