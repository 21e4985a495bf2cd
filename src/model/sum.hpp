// SPDX-License-Identifier: MIT
// Sums of counters. Real ones do not reach 2^64 (eleven years at 400 Gbit/s); should a broken one come in, the sum
// sticks at the top instead of wrapping round to a small number that looks true.
#pragma once

#include <cstdint>
#include <limits>

namespace socktally {

constexpr std::uint64_t sum(std::uint64_t a, std::uint64_t b)
{
    return b > std::numeric_limits<std::uint64_t>::max() - a ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

} // namespace socktally
