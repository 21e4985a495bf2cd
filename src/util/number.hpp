// SPDX-License-Identifier: MIT
// Parses and prints numbers: only decimal digits, without sign, blanks or another base.
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

/// Parses a number. Returns null if `text` is anything else, or if the number is greater than 2^64-1.
inline std::optional<std::uint64_t> parse_number(std::string_view text)
{
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

/// Parses a port from 1 to 65535. Returns null for anything else.
inline std::optional<std::uint16_t> parse_port(std::string_view text)
{
    const auto number = parse_number(text);
    return number && *number > 0 && *number <= UINT16_MAX ? std::optional(static_cast<std::uint16_t>(*number))
                                                          : std::nullopt;
}

/// Returns the number in `text`, which must be from `low` to `high`. Otherwise throws std::invalid_argument. If `what`
/// is "pid", the message is `bad pid "x": use a whole number from 1 to 9`.
std::uint64_t require_number(std::string_view what, std::string_view text, std::uint64_t low, std::uint64_t high);

/// A unit that may follow a number, and its size as a multiple of the smallest unit.
struct Unit {
    std::string_view suffix;
    std::uint64_t size; // at most 2^60
};

struct Quantity {
    unsigned __int128 value = 0; // in the smallest unit; rounded down
    bool is_exact = true;
};

/// Parses `5`, `1.5` or `.5`, followed by one of `units`; null for anything else. The value may exceed 64 bits.
std::optional<Quantity> parse_quantity(std::string_view text, std::span<const Unit> units);
/// Parses one or more quantities such as `1m30s`, with or without blanks between them, and returns their sum. A number
/// without a unit must stand alone. Returns null for anything else.
std::optional<Quantity> parse_quantities(std::string_view text, std::span<const Unit> units);

/// A number with two decimals. It is exact, so that every format writes the same text.
struct Decimal {
    std::uint64_t hundredths = 0;
    auto operator<=>(const Decimal&) const = default;
};

inline std::string to_string(Decimal number)
{
    return fmt::format("{}.{:02}", number.hundredths / 100, number.hundredths % 100); // 12.34
}

/// Returns "1 socket" or "2 sockets". `many` is the plural if adding an s is not enough.
inline std::string plural(std::uint64_t count, std::string_view one, std::string_view many = {})
{
    const bool takes_s = count != 1 && many.empty();
    return fmt::format("{} {}{}", count, count == 1 || takes_s ? one : many, takes_s ? "s" : "");
}

} // namespace socktally
