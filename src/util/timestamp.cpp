// SPDX-License-Identifier: MIT
#include "util/timestamp.hpp"

#include <fmt/format.h>

namespace socktally {

namespace {

using namespace std::chrono;

/// Takes fixed parts off the front of a text; one that is not there makes the whole bad.
class Parts {
public:
    explicit Parts(std::string_view text) : text_(text) {}

    /// So many digits, of a value within the bounds.
    int number(std::size_t digits, int low, int high)
    {
        int value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            const char c = next();
            is_good_ = is_good_ && c >= '0' && c <= '9';
            value = value * 10 + (c - '0');
        }
        is_good_ = is_good_ && value >= low && value <= high;
        return value;
    }
    void mark(char upper, char lower)
    {
        const char c = next();
        is_good_ = is_good_ && (c == upper || c == lower);
    }
    void mark(char c) { mark(c, c); }
    bool take(char c)
    {
        const bool is_there = peek() == c;
        if (is_there) {
            text_.remove_prefix(1);
        }
        return is_there;
    }
    char peek() const { return text_.empty() ? '\0' : text_.front(); }
    char next()
    {
        const char c = peek();
        text_.remove_prefix(text_.empty() ? 0 : 1);
        return c;
    }
    bool is_digit() const { return peek() >= '0' && peek() <= '9'; }
    void refuse() { is_good_ = false; }
    bool is_good() const { return is_good_; }
    bool is_all_good() const { return is_good_ && text_.empty(); }

private:
    std::string_view text_;
    bool is_good_ = true;
};

/// Where the parts are no date, Parts says so, and the result means nothing.
sys_days take_date(Parts& parts)
{
    constexpr int last_year = 2261; // nanoseconds in 64 bits end in 2262
    const int y = parts.number(4, 1970, last_year);
    parts.mark('-');
    const int m = parts.number(2, 1, 12);
    parts.mark('-');
    const int d = parts.number(2, 1, 31);
    const year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
    if (!parts.is_good() || !date.ok()) { // a year out of range has too many nanoseconds
        parts.refuse();
        return {};
    }
    return date;
}

nanoseconds take_fraction(Parts& parts)
{
    nanoseconds value{0};
    if (!parts.take('.')) {
        return value;
    }
    if (!parts.is_digit()) {
        parts.refuse();
    }
    for (nanoseconds place = 100ms; parts.is_digit(); place /= 10) {
        value += place * (parts.next() - '0');
    }
    return value;
}

minutes take_offset(Parts& parts)
{
    if (parts.take('Z') || parts.take('z')) {
        return 0min;
    }
    const bool is_west = parts.take('-');
    if (!is_west) {
        parts.mark('+');
    }
    const hours h(parts.number(2, 0, 23));
    parts.mark(':');
    const minutes offset = h + minutes(parts.number(2, 0, 59));
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
    Parts parts(text);
    TimePoint time = take_date(parts);
    parts.mark('T', 't');
    time += hours(parts.number(2, 0, 23));
    parts.mark(':');
    time += minutes(parts.number(2, 0, 59));
    parts.mark(':');
    time += seconds(parts.number(2, 0, 60));
    time += take_fraction(parts);
    time -= take_offset(parts);
    return parts.is_all_good() ? std::optional(time) : std::nullopt;
}

std::optional<TimePoint> parse_date(std::string_view text)
{
    Parts parts(text);
    const TimePoint time = take_date(parts);
    return parts.is_all_good() ? std::optional(time) : std::nullopt;
}

TimePoint beginning(TimePoint time, Per per)
{
    return per == Per::hour ? TimePoint(floor<hours>(time)) : floor<days>(time);
}

seconds length(Per per) { return per == Per::hour ? seconds(1h) : seconds(days(1)); }

} // namespace socktally
