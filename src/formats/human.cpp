// SPDX-License-Identifier: MIT
// Rounds figures to a unit and at most one decimal. fmt ignores the locale by default.
#include "formats/human.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

namespace socktally {

namespace {

constexpr std::array<std::string_view, 7> binary_units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
constexpr std::array<std::string_view, 7> si_units = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
constexpr std::array<std::string_view, 7> bit_units = {"bit", "kbit", "Mbit", "Gbit", "Tbit", "Pbit", "Ebit"};

/// Prints the value in the largest unit that is not greater than the value. Each unit is `step` times the one before.
std::string in_units(double value, double step, std::span<const std::string_view> units)
{
    if (value < step) {
        return fmt::format("{:.0f} {}", value, units.front());
    }
    std::size_t unit = 0;
    while (std::round(value) >= step) { // rounded, so that 1023.7 KiB is printed as 1.0 MiB, not as 1024 KiB
        value /= step;
        ++unit;
    }
    const double tenths = std::round(value * 10) / 10;
    return tenths < 100 ? fmt::format("{:.1f} {}", tenths, units[unit]) : fmt::format("{:.0f} {}", value, units[unit]);
}

std::string bits_text(double bits_per_second) { return in_units(bits_per_second, 1000, bit_units) + "/s"; }

} // namespace

std::string human_bytes(std::uint64_t bytes, Units units)
{
    const auto value = static_cast<double>(bytes);
    return units.si ? in_units(value, 1000, si_units) : in_units(value, 1024, binary_units);
}

std::string human_rate(std::uint64_t bytes_per_second, Units units)
{
    return units.bits ? bits_text(8 * static_cast<double>(bytes_per_second))
                      : human_bytes(bytes_per_second, units) + "/s";
}

std::string human_rate(std::uint64_t bytes, std::chrono::nanoseconds window, Units units)
{
    const double rate = std::round(static_cast<double>(bytes) / std::chrono::duration<double>(window).count());
    if (rate < 1 && bytes != 0) {
        return units.bits ? "<8 bit/s" : "<1 B/s";
    }
    constexpr double limit = 1.8e19; // below 2^64: a huge figure in a tiny window must not overflow the integer
    return human_rate(static_cast<std::uint64_t>(std::min(rate, limit)), units);
}

std::string human_bits(std::uint64_t bits_per_second) { return bits_text(static_cast<double>(bits_per_second)); }

std::string human_window(std::chrono::nanoseconds window)
{
    using namespace std::chrono;
    const auto whole = std::llrint(duration<double>(window).count()); // round() would overflow for the longest window
    if (whole >= 3600) {
        return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
    }
    if (whole >= 60) {
        return fmt::format("{} min {} s", whole / 60, whole % 60);
    }
    if (window >= milliseconds(999)) {
        return fmt::format("{:.1f} s", duration<double>(window).count());
    }
    return window >= milliseconds(1) ? fmt::format("{} ms", round<milliseconds>(window).count())
                                     : fmt::format("{} ns", window.count());
}

std::string human_share(std::uint64_t part, std::uint64_t whole)
{
    const double percent = std::round(100 * static_cast<double>(part) / static_cast<double>(whole));
    if (percent < 1 && part != 0) {
        return "<1%";
    }
    if (percent >= 100 && part < whole) {
        return ">99%";
    }
    return fmt::format("{:.0f}%", percent);
}

} // namespace socktally
