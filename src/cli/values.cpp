// SPDX-License-Identifier: MIT
// Parses option values by hand, because CLI11 would read 010 as 8 and -1 as 2^64-1. table/filter_kinds.cpp parses the
// values of filters.
#include "cli/values.hpp"

#include "util/number.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>

namespace socktally {

namespace {

template <class T>
struct Word {
    std::string_view text;
    T value;
};

constexpr std::array<Word<ColorWhen>, 3> color_words{
    {{"auto", ColorWhen::automatic}, {"always", ColorWhen::always}, {"never", ColorWhen::never}}};

constexpr std::array<Word<Per>, 2> per_words{{{"hour", Per::hour}, {"day", Per::day}}};

template <class T>
T word_value(std::string_view what, std::string_view text, std::span<const Word<T>> words)
{
    std::vector<std::string_view> valid;
    for (const auto& word : words) {
        if (word.text == text) {
            return word.value;
        }
        valid.push_back(word.text);
    }
    throw UsageError(fmt::format("unknown {} {}: {}", what, quote(text), suggest(text, valid)));
}

constexpr std::uint64_t nanoseconds_of(std::chrono::nanoseconds time)
{
    return static_cast<std::uint64_t>(time.count());
}
using namespace std::chrono_literals;
constexpr std::uint64_t second = nanoseconds_of(1s);
constexpr std::uint64_t minute = nanoseconds_of(1min);
constexpr std::uint64_t hour = nanoseconds_of(1h);
constexpr std::uint64_t day = 24 * hour;
constexpr std::uint64_t year = 365 * day + 6 * hour;
/// The units of sleep(1), date(1) and systemd.time(7). A month is a twelfth of a year of 365.25 days.
constexpr std::array time_units{Unit{"", second},          Unit{"ns", 1},
                                Unit{"nsec", 1},           Unit{"us", 1'000},
                                Unit{"usec", 1'000},       Unit{"\u00b5s", 1'000},
                                Unit{"\u03bcs", 1'000},    Unit{"ms", 1'000'000},
                                Unit{"msec", 1'000'000},   Unit{"s", second},
                                Unit{"sec", second},       Unit{"secs", second},
                                Unit{"second", second},    Unit{"seconds", second},
                                Unit{"m", minute},         Unit{"min", minute},
                                Unit{"mins", minute},      Unit{"minute", minute},
                                Unit{"minutes", minute},   Unit{"h", hour},
                                Unit{"hr", hour},          Unit{"hour", hour},
                                Unit{"hours", hour},       Unit{"d", day},
                                Unit{"day", day},          Unit{"days", day},
                                Unit{"w", 7 * day},        Unit{"week", 7 * day},
                                Unit{"weeks", 7 * day},    Unit{"fortnight", 14 * day},
                                Unit{"M", year / 12},      Unit{"month", year / 12},
                                Unit{"months", year / 12}, Unit{"y", year},
                                Unit{"year", year},        Unit{"years", year}};

} // namespace

std::chrono::nanoseconds duration_value(std::string_view text)
{
    const auto bad = [text](std::string_view why) {
        return UsageError(fmt::format("bad duration {}: {}", quote(text), why));
    };
    constexpr std::uint64_t longest = 366 * day;
    const auto time = parse_quantities(text, time_units);
    if (!time) {
        throw bad(
            "use a number with ms, s, min, h or d, such as 500ms, 1.5s, 1m30s or 1d; a number alone is in seconds");
    }
    if (time->value > longest || (time->value == longest && !time->is_exact)) {
        throw bad("the longest is 366d");
    }
    if (!time->is_exact) {
        throw bad("use whole nanoseconds");
    }
    return std::chrono::nanoseconds(static_cast<std::int64_t>(time->value));
}

const Format* format_value(std::string_view text)
{
    std::vector<Word<const Format*>> words;
    for (const Format* format : formats()) {
        words.push_back({format->name, format});
    }
    return word_value<const Format*>("format", text, words);
}

ColorWhen color_value(std::string_view text) { return word_value<ColorWhen>("--color", text, color_words); }

std::chrono::nanoseconds interval_value(std::string_view text)
{
    const auto interval = duration_value(text);
    if (interval.count() == 0) {
        throw UsageError("--interval must be greater than 0");
    }
    return interval;
}

std::uint64_t count_value(std::string_view text)
{
    return require_number("number of windows", text, 0, std::numeric_limits<std::uint32_t>::max());
}

std::size_t top_value(std::string_view text)
{
    return require_number("number of rows", text, 1, std::numeric_limits<std::uint32_t>::max());
}

std::size_t capture_buffer_value(std::string_view text)
{
    constexpr std::uint64_t smallest = std::uint64_t{512} << 10;
    constexpr std::uint64_t largest = std::uint64_t{1} << 30;
    constexpr std::array<Unit, 4> units{{{"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}, {"", 1}}};
    const auto size = parse_quantity(text, units);
    if (!size || !size->is_exact || size->value < smallest || size->value > largest) {
        throw UsageError(fmt::format(
            "bad size {}: use a number of bytes, or one with K, M or G such as 4M, between 512K and 1G", quote(text)));
    }
    return static_cast<std::size_t>(size->value);
}

Period period_value(std::string_view text)
{
    if (const auto period = parse_period(text)) {
        return *period;
    }
    std::string spelled(text); // date(1) puts a blank before the time
    std::replace(spelled.begin(), spelled.end(), ' ', 'T');
    if (const auto time = parse_timestamp(spelled)) {
        return {*time, *time};
    }
    throw UsageError(
        fmt::format("bad time {}: use a day such as 2026-11-20, a month such as 2026-11, or a time with its "
                    "offset from UTC such as 2026-11-20T21:00:00Z or 2026-11-20T22:00:00+01:00",
                    quote(text)));
}

Per per_value(std::string_view text) { return word_value<Per>("--per", text, per_words); }

} // namespace socktally
