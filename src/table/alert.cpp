// SPDX-License-Identifier: MIT
// Everything is compared in hundredths, which both types of numbers have whole.
#include "table/alert.hpp"

#include "util/number.hpp"
#include "util/text.hpp"

#include <array>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace socktally {

namespace {

struct Comparison {
    std::string_view sign;
    bool (*holds)(Hundredths value, Hundredths threshold);
};

// Before each sign those that it is the beginning of.
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

std::uint64_t take_unit(std::string_view& number)
{
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 6> units{{{"Ki", 1ULL << 10},
                                                                               {"Mi", 1ULL << 20},
                                                                               {"Gi", 1ULL << 30},
                                                                               {"K", 1'000},
                                                                               {"M", 1'000'000},
                                                                               {"G", 1'000'000'000}}};
    for (const auto& [name, size] : units) {
        if (number.ends_with(name)) {
            number.remove_suffix(name.size());
            return size;
        }
    }
    return 1;
}

/// Null where it is no number, has too many digits, or is more than any column can hold.
std::optional<Hundredths> threshold_of(std::string_view number)
{
    const std::uint64_t unit = take_unit(number);
    const auto point = number.find('.');
    const auto whole = parse_number(number.substr(0, point));
    std::string fraction = "00";
    if (point != number.npos) {
        fraction = number.substr(point + 1);
        if (fraction.empty() || fraction.size() > 2) {
            return std::nullopt;
        }
        fraction.resize(2, '0');
    }
    const auto hundredths = parse_number(fraction);
    if (!whole || !hundredths) {
        return std::nullopt;
    }
    constexpr Hundredths most = Hundredths{std::numeric_limits<std::uint64_t>::max()} * 100;
    const Hundredths value = (Hundredths{*whole} * 100 + *hundredths) * unit;
    return value <= most ? std::optional(value) : std::nullopt;
}

} // namespace

Alert parse_alert(std::string_view text)
{
    const auto place = text.find_first_of("<>=!");
    for (const Comparison& comparison : comparisons) {
        if (place == text.npos || !text.substr(place).starts_with(comparison.sign)) {
            continue;
        }
        const Column& column = require_column(trimmed(text.substr(0, place)), text);
        if (column.type == CellType::string) {
            throw bad_alert(text, std::string(column.name) + " is not a number");
        }
        const auto threshold = threshold_of(trimmed(text.substr(place + comparison.sign.size())));
        if (!threshold) {
            throw bad_alert(text, "give a number after the " + std::string(comparison.sign) +
                                      ", with K, M, G, Ki, Mi or Gi behind it if need be, as in 500, 1.5M or 64Ki");
        }
        return {&column, comparison.holds, *threshold};
    }
    throw bad_alert(text, "give COLUMN>NUMBER, or >=, <, <=, = or != instead of >");
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
