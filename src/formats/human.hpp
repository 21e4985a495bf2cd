// SPDX-License-Identifier: MIT
// Prints figures that people can read at a glance. The figures are rounded, so formats for programs do not use them.
// The locale has no effect on them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace socktally {

/// The units of figures for people: --bits and --si.
struct Units {
    bool bits = false; // rates in bits per second, with units in steps of 1000: kbit/s, Mbit/s
    bool si = false;   // bytes with units in steps of 1000: kB, MB
};

std::string human_bytes(std::uint64_t bytes, Units units = {}); // "512 B", "1.4 KiB", "236 MiB": at most 8 columns
std::string human_rate(std::uint64_t bytes_per_second, Units units = {}); // "236 MiB/s", "1.9 Mbit/s"
/// Returns the rate of `bytes` moved in `window`. The window must be longer than 0.
std::string human_rate(std::uint64_t bytes, std::chrono::nanoseconds window, Units units = {});
std::string human_bits(std::uint64_t bits_per_second);            // "1.9 Mbit/s"
std::string human_window(std::chrono::nanoseconds window);        // "250 ms", "1.0 s", "2 min 5 s", "1 h 30 min"
std::string human_share(std::uint64_t part, std::uint64_t whole); // "84%", "<1%"; "100%" only if `part` is `whole`

} // namespace socktally
