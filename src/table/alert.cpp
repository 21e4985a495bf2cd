// SPDX-License-Identifier: MIT
// Compares whole numbers of hundredths, because a column has either whole numbers or numbers with two decimals.
#include "table/alert.hpp"

#include "util/number.hpp"
#include "util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace socktally {

namespace {

struct Comparison {
    std::string_view sign;
    bool (*holds)(Hundredths value, Hundredths threshold);
};

// parse_alert() takes the first sign that the text begins with, so `>=` must come before `>`.
constexpr std::array<Comparison, 6> comparisons{{{">=", [](Hundredths a, Hundredths b) { return a >= b; }},
                                                 {"<=", [](Hundredths a, Hundredths b) { return a <= b; }},
                                                 {"!=", [](Hundredths a, Hundredths b) { return a != b; }},
                                                 {">", [](Hundredths a, Hundredths b) { return a > b; }},
                                                 {"<", [](Hundredths a, Hundredths b) { return a < b; }},
                                                 {"=", [](Hundredths a, Hundredths b) { return a == b; }}}};

std::invalid_argument bad_alert(std::string_view text, const std::string& why)
{
    return std::invalid_argument("bad alert " + quote(text) + ": " + why);
}

std::string_view trimmed(std::string_view text)
{
    const auto begin = text.find_first_not_of(' ');
    return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

/// Removes the column's unit from the end of a threshold: "B" or "B/s", "bit" or "bit/s", or "%".
std::string_view without_unit(std::string_view number, const Column& column)
{
    const auto remove = [&number](std::string_view ending) {
        if (number.ends_with(ending)) {
            number.remove_suffix(ending.size());
        }
    };
    remove(is_rate(column) ? "/s" : "");
    remove(column.unit.starts_with("bytes")     ? "B"
           : column.unit.starts_with("bits")    ? "bit"
           : column.unit.starts_with("percent") ? "%"
                                                : "");
    return trimmed(number);
}

/// Returns the threshold in hundredths; null if the text is not a number, has too many decimals, or exceeds what a
/// column can hold.
std::optional<Hundredths> threshold_of(std::string_view number)
{
    constexpr std::array<Unit, 10> units{{{"", 100},
                                          {"k", 100'000},
                                          {"K", 100'000},
                                          {"M", 100'000'000},
                                          {"G", 100'000'000'000},
                                          {"T", 100'000'000'000'000},
                                          {"Ki", 100ULL << 10},
                                          {"Mi", 100ULL << 20},
                                          {"Gi", 100ULL << 30},
                                          {"Ti", 100ULL << 40}}};
    constexpr Hundredths most = Hundredths{std::numeric_limits<std::uint64_t>::max()} * 100;
    const auto hundredths = parse_quantity(number, units);
    return hundredths && hundredths->is_exact && hundredths->value <= most ? std::optional(hundredths->value)
                                                                           : std::nullopt;
}

/// Returns the column of an alert. Throws std::invalid_argument if there is none of this name, or if the column is no
/// rate, but the threshold is. The message suggests a column.
const Column& column_of(std::string_view name, std::string_view number, std::string_view text)
{
    const Column* const column = find_column(name);
    const bool asks_rate = number.ends_with("/s") || name.find("per_sec") != name.npos;
    const std::string rate = fmt::format("{}_per_sec", name);
    if (column != nullptr && asks_rate && find_column(rate) != nullptr) {
        throw bad_alert(text, fmt::format("{} is not a rate: did you mean {:?}?", name, rate));
    }
    const auto headed = std::find_if(columns().begin(), columns().end(),
                                     [&](const Column& each) { return lower(each.header) == lower(name); });
    if (column == nullptr && headed != columns().end() && is_rate(*headed)) {
        throw std::invalid_argument(fmt::format("unknown column {}: did you mean {:?}?", quote(name), headed->name));
    }
    const bool is_sum = name.find('+') != name.npos;
    if (column != nullptr || name.empty() || !(asks_rate || is_sum)) {
        return require_column(name, text);
    }
    std::vector<std::string_view> rates;
    for (const Column& each : columns()) {
        if (is_rate(each)) {
            rates.push_back(each.name);
        }
    }
    const bool asks_bits = number.find("bit") != number.npos;
    const std::string_view of_both = asks_bits ? "bits_per_sec" : asks_rate ? "bytes_per_sec" : "bytes";
    const auto near = is_sum || asks_bits ? std::nullopt : nearest(name, rates);
    throw std::invalid_argument(
        fmt::format("unknown column {}: did you mean {:?}?", quote(name), near.value_or(of_both)));
}

} // namespace

Alert parse_alert(std::string_view text)
{
    const auto place = text.find_first_of("<>=!");
    for (const Comparison& comparison : comparisons) {
        if (place == text.npos || !text.substr(place).starts_with(comparison.sign)) {
            continue;
        }
        std::string number(trimmed(text.substr(place + comparison.sign.size())));
        if (const auto unit = number.find_last_of(' ');
            unit != number.npos && number.find_first_of("0123456789.", unit) == number.npos) {
            number.erase(unit, 1); // "10 MB/s"
        }
        const Column& column = column_of(trimmed(text.substr(0, place)), number, text);
        if (column.type == CellType::string) {
            throw bad_alert(text, std::string(column.name) + " is not a number");
        }
        const auto threshold = threshold_of(without_unit(number, column));
        if (!threshold) {
            throw bad_alert(text, fmt::format("use a number after {}, such as 500, 1.5M or 64Ki{}", comparison.sign,
                                              number.find("bit") != number.npos ? "; bits_per_sec counts bits" : ""));
        }
        return {&column, comparison.holds, *threshold};
    }
    if (find_column(trimmed(text)) != nullptr) {
        throw bad_alert(
            text,
            fmt::format(
                "it has no comparison; the shell takes an unquoted > as a redirection, so use quotes: --alert '{}>10M'",
                trimmed(text)));
    }
    throw bad_alert(text, "use 'COLUMN>NUMBER', or >=, <, <=, = or != in place of >");
}

bool matches(const Alert& alert, const Row& row)
{
    const Cell value = alert.column->value(row);
    if (const auto* number = std::get_if<std::uint64_t>(&value)) {
        return alert.holds(Hundredths{*number} * 100, alert.threshold);
    }
    const auto* decimal = std::get_if<Decimal>(&value);
    return decimal != nullptr && alert.holds(decimal->hundredths, alert.threshold);
}

} // namespace socktally
