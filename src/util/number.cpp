// SPDX-License-Identifier: MIT
#include "util/number.hpp"

#include <algorithm>

namespace socktally {

std::optional<Quantity> parse_quantity(std::string_view text, std::span<const Unit> units)
{
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return text.ends_with(u.suffix); });
    if (unit == units.end()) {
        return std::nullopt;
    }
    text.remove_suffix(unit->suffix.size());
    const auto point = std::min(text.find('.'), text.size());
    const std::string_view whole = text.substr(0, point);
    const std::string_view fraction = text.substr(std::min(point + 1, text.size()));
    const auto has_others = [](std::string_view digits) {
        return digits.find_first_not_of("0123456789") != digits.npos;
    };
    if (has_others(whole) || has_others(fraction) || text.empty() || text.back() == '.') {
        return std::nullopt;
    }

    constexpr unsigned __int128 enough = static_cast<unsigned __int128>(1) << 65U;
    Quantity result;
    for (const char c : whole) {
        result.value = std::min(result.value * 10 + static_cast<unsigned>(c - '0'), enough);
    }
    result.value *= unit->size;
    bool is_cut = false;
    std::uint64_t place = unit->size;
    for (const char c : fraction) { // digit by digit, because 0.1 has no exact double
        const std::uint64_t digit = static_cast<unsigned>(c - '0');
        is_cut = is_cut || place % 10 != 0;
        place /= 10;
        result.value += static_cast<unsigned __int128>(digit) * place;
        result.is_exact = result.is_exact && (digit == 0 || !is_cut);
    }
    return result;
}

} // namespace socktally
