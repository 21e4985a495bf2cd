// SPDX-License-Identifier: MIT
#include "util/number.hpp"

#include "util/text.hpp"

#include <algorithm>
#include <stdexcept>

namespace socktally {

namespace {

constexpr std::string_view of_numbers = "0123456789.";
constexpr unsigned __int128 enough = static_cast<unsigned __int128>(1) << 65U;

/// Parses a number such as `1.5`, and multiplies it by the size of the unit.
std::optional<Quantity> parse_number_of(const Unit& unit, std::string_view text)
{
    const auto point = std::min(text.find('.'), text.size());
    const std::string_view whole = text.substr(0, point);
    const std::string_view fraction = text.substr(std::min(point + 1, text.size()));
    if (text.empty() || text.back() == '.' || fraction.find('.') != fraction.npos) {
        return std::nullopt;
    }
    Quantity result;
    for (const char c : whole) {
        result.value = std::min(result.value * 10 + static_cast<unsigned>(c - '0'), enough);
    }
    result.value *= unit.size;
    bool is_cut = false;
    std::uint64_t place = unit.size;
    for (const char c : fraction) { // digit by digit, because no double is exactly 0.1
        const std::uint64_t digit = static_cast<unsigned>(c - '0');
        is_cut = is_cut || place % 10 != 0;
        place /= 10;
        result.value += static_cast<unsigned __int128>(digit) * place;
        result.is_exact = result.is_exact && (digit == 0 || !is_cut);
    }
    return result;
}

} // namespace

std::uint64_t require_number(std::string_view what, std::string_view text, std::uint64_t low, std::uint64_t high)
{
    const auto value = parse_number(text);
    if (!value || *value < low || *value > high) {
        throw std::invalid_argument(
            fmt::format("bad {} {}: use a whole number from {} to {}", what, quote(text), low, high));
    }
    return *value;
}

std::optional<Quantity> parse_quantity(std::string_view text, std::span<const Unit> units)
{
    const auto end = std::min(text.find_first_not_of(of_numbers), text.size());
    const auto unit =
        std::find_if(units.begin(), units.end(), [&](const Unit& each) { return each.suffix == text.substr(end); });
    return unit == units.end() ? std::nullopt : parse_number_of(*unit, text.substr(0, end));
}

std::optional<Quantity> parse_quantities(std::string_view text, std::span<const Unit> units)
{
    if (text.ends_with(' ')) {
        return std::nullopt;
    }
    Quantity sum;
    bool is_whole = true;
    do {
        const auto number_end = std::min(text.find_first_not_of(of_numbers), text.size());
        const auto unit_begin = std::min(text.find_first_not_of(' ', number_end), text.size());
        const auto unit_end = std::min(text.find_first_of("0123456789. ", unit_begin), text.size());
        const std::string part(text.substr(0, number_end));
        const std::string_view unit = text.substr(unit_begin, unit_end - unit_begin);
        is_whole = is_whole && unit_end == text.size();
        const auto quantity =
            unit.empty() && !is_whole ? std::nullopt : parse_quantity(part + std::string(unit), units);
        if (!quantity) {
            return std::nullopt;
        }
        sum.value = std::min(sum.value + quantity->value, enough);
        sum.is_exact = sum.is_exact && quantity->is_exact;
        text.remove_prefix(std::min(text.find_first_not_of(' ', unit_end), text.size()));
    } while (!text.empty());
    return sum;
}

} // namespace socktally
