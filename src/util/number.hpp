// SPDX-License-Identifier: MIT
// Numbers as text: decimal digits only, without sign, blanks or another base.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace socktally {

/// The whole of `text` as a number; null if it is anything else or does not fit.
inline std::optional<std::uint64_t> parse_number(std::string_view text)
{
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

/// Null also for 0, which is no port.
inline std::optional<std::uint16_t> parse_port(std::string_view text)
{
    const auto number = parse_number(text);
    return number && *number > 0 && *number <= UINT16_MAX ? std::optional(static_cast<std::uint16_t>(*number))
                                                          : std::nullopt;
}

/// The same between two bounds. Throws std::invalid_argument: `bad pid "x": use a whole number from 1 to 9`.
std::uint64_t require_number(std::string_view what, std::string_view text, std::uint64_t low, std::uint64_t high);

/// A unit after a number, and its size in the smallest units.
struct Unit {
    std::string_view suffix;
    std::uint64_t size; // at most 2^60
};

struct Quantity {
    unsigned __int128 value = 0; // in the smallest things; rounded down
    bool is_exact = true;
};

/// `5`, `1.5` or `.5` with one of `units` behind it. What no 64 bits hold stays more than that. Null for anything else.
std::optional<Quantity> parse_quantity(std::string_view text, std::span<const Unit> units);
/// The sum of one or more, `1m30s`, with or without blanks between. A number without a unit stands alone.
std::optional<Quantity> parse_quantities(std::string_view text, std::span<const Unit> units);

/// A number with two digits behind the point. It is exact, so that every format writes the same text.
struct Decimal {
    std::uint64_t hundredths = 0;
    auto operator<=>(const Decimal&) const = default;
};

inline std::string to_string(Decimal number)
{
    return fmt::format("{}.{:02}", number.hundredths / 100, number.hundredths % 100); // 12.34
}

/// "1 socket", "2 sockets"; `many` is the plural of a noun that takes more than an s.
inline std::string plural(std::uint64_t count, std::string_view one, std::string_view many = {})
{
    const bool takes_s = count != 1 && many.empty();
    return fmt::format("{} {}{}", count, count == 1 || takes_s ? one : many, takes_s ? "s" : "");
}

} // namespace socktally
