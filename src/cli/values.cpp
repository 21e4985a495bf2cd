// SPDX-License-Identifier: MIT
// Option values by hand: CLI11's own conversions read 010 as 8 and -1 as 2^64-1.
#include "cli/values.hpp"

#include "util/number.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

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

std::uint64_t number_between(std::string_view what, std::string_view text, std::uint64_t low, std::uint64_t high)
{
    const auto value = parse_number(text);
    if (!value || *value < low || *value > high) {
        throw UsageError(fmt::format("bad {} {}: use a whole number from {} to {}", what, quote(text), low, high));
    }
    return *value;
}

} // namespace

std::chrono::nanoseconds duration_value(std::string_view text)
{
    const auto bad = [text](std::string_view why) {
        return UsageError(fmt::format("bad duration {}: {}", quote(text), why));
    };
    constexpr std::uint64_t longest = 366ULL * 24 * 3'600'000'000'000;
    constexpr std::array<Unit, 5> units{{{"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000},
                                         {"", 1'000'000'000}}};

    const auto time = parse_quantity(text, units);
    if (!time) {
        throw bad(
            "give a number with ms, s, m or h behind it, as in 500ms, 1.5s, 2m or 24h; without, it is in seconds");
    }
    if (time->value > longest || (time->value == longest && !time->is_exact)) {
        throw bad("the longest is 366 days (8784h)");
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

GroupBy group_by_value(std::string_view text)
{
    try {
        return GroupBy(text);
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
}

Protocol protocol_value(std::string_view text)
{
    if (const auto protocol = parse_protocol(text)) {
        return *protocol;
    }
    throw UsageError(fmt::format("unknown protocol {}: {}", quote(text), suggest(text, protocol_names())));
}

Pid pid_value(std::string_view text)
{
    return Pid{static_cast<std::int32_t>(number_between("pid", text, 1, std::numeric_limits<std::int32_t>::max()))};
}

std::uint16_t port_value(std::string_view text)
{
    return static_cast<std::uint16_t>(number_between("port", text, 1, std::numeric_limits<std::uint16_t>::max()));
}

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
    return number_between("number of windows", text, 0, std::numeric_limits<std::uint32_t>::max());
}

std::size_t top_value(std::string_view text)
{
    return number_between("number of rows", text, 1, std::numeric_limits<std::uint32_t>::max());
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

TimePoint begin_value(std::string_view text)
{
    if (const auto date = parse_date(text)) {
        return *date;
    }
    if (const auto time = parse_timestamp(text)) {
        return *time;
    }
    throw UsageError(fmt::format(
        "bad time {}: use a form such as 2026-11-20, 2026-11-20T21:00:00Z or 2026-11-20T22:00:00+01:00", quote(text)));
}

TimePoint end_value(std::string_view text)
{
    const TimePoint begin = begin_value(text);
    return parse_date(text) ? begin + std::chrono::days(1) : begin;
}

Per per_value(std::string_view text) { return word_value<Per>("--per", text, per_words); }

Prefix remote_value(std::string_view text)
{
    const auto prefix = parse_prefix(text);
    if (!prefix) {
        throw UsageError(
            fmt::format("bad address {}: give 10.0.0.1, 10.0.0.0/8, fe80::1, 2001:db8::/32 or the like", quote(text)));
    }
    return *prefix;
}

std::vector<std::string_view> list_value(std::string_view text)
{
    std::vector<std::string_view> parts;
    for (std::string_view rest = text;;) {
        const auto comma = rest.find_first_of(",\n");
        const std::string_view part = rest.substr(0, comma);
        if (part.empty()) {
            throw UsageError(fmt::format("bad list {}: an item is empty", quote(text)));
        }
        parts.push_back(part);
        if (comma == rest.npos) {
            return parts;
        }
        rest.remove_prefix(comma + 1);
    }
}

} // namespace socktally
