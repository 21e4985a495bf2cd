// SPDX-License-Identifier: MIT
// Rounding to a unit and at most one decimal. fmt ignores the locale unless asked not to.
#include "formats/human.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace socktally {

namespace {

constexpr std::array<std::string_view, 7> units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

std::string with_unit(double value, std::string_view unit)
{
    const double tenths = std::round(value * 10) / 10;
    return tenths < 100 ? fmt::format("{:.1f} {}", tenths, unit) : fmt::format("{:.0f} {}", value, unit);
}

} // namespace

std::string human_bytes(std::uint64_t bytes)
{
    if (bytes < 1024) {
        return fmt::format("{} B", bytes);
    }
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (std::round(value) >= 1024) { // rounded, so that 1023.7 KiB is 1.0 MiB, not 1024 KiB
        value /= 1024;
        ++unit;
    }
    return with_unit(value, units.at(unit));
}

std::string human_rate(std::uint64_t bytes, std::chrono::nanoseconds window)
{
    const double rate = std::round(static_cast<double>(bytes) / std::chrono::duration<double>(window).count());
    if (rate < 1 && bytes != 0) {
        return "<1 B/s";
    }
    constexpr double limit = 1.8e19; // below 2^64: a huge figure in a tiny window must not overflow
    return human_bytes(static_cast<std::uint64_t>(std::min(rate, limit))) + "/s";
}

std::string human_window(std::chrono::nanoseconds window)
{
    using namespace std::chrono;
    const auto whole = std::llrint(duration<double>(window).count()); // round() overflows beside the longest of all
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
