// SPDX-License-Identifier: MIT
// Sums of counters. Real counters do not reach 2^64 (eleven years at 400 Gbit/s). If a sum overflows because a counter
// is broken, it stays at the maximum instead of wrapping round to a plausible small number.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

namespace socktally {

constexpr std::uint64_t sum(std::uint64_t a, std::uint64_t b)
{
    return b > std::numeric_limits<std::uint64_t>::max() - a ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

constexpr bool overflows(std::uint64_t a, std::uint64_t b) { return b > std::numeric_limits<std::uint64_t>::max() - a; }

/// Returns later minus earlier; 0 if the counter has fallen.
constexpr std::uint64_t minus(std::uint64_t later, std::uint64_t earlier)
{
    return later > earlier ? later - earlier : 0;
}

inline void add(std::optional<std::uint64_t>& total, const std::optional<std::uint64_t>& part)
{
    if (part) {
        total = sum(total.value_or(0), *part);
    }
}

/// Returns the sum of two values. A null value is unknown, and is left out. Returns null if both are unknown.
inline std::optional<std::uint64_t> sum_known(const std::optional<std::uint64_t>& a,
                                              const std::optional<std::uint64_t>& b)
{
    return a || b ? std::optional(sum(a.value_or(0), b.value_or(0))) : std::nullopt;
}

/// Adds `part` to `total`. If `part` is null, `total` becomes null and stays so.
inline void add_or_lose(std::optional<std::uint64_t>& total, const std::optional<std::uint64_t>& part)
{
    total = total && part ? std::optional(sum(*total, *part)) : std::nullopt;
}

/// The sum of values, some of which may be unknown (null). Unknown values are left out. The sum is 0 if there are no
/// values, and null if all values are unknown.
class KnownSum {
public:
    void add(const std::optional<std::uint64_t>& part)
    {
        is_of_nothing_ = false;
        has_overflowed_ = has_overflowed_ || overflows(known_.value_or(0), part.value_or(0));
        socktally::add(known_, part);
    }
    bool has_overflowed() const { return has_overflowed_; }
    std::optional<std::uint64_t> value() const { return is_of_nothing_ ? 0 : known_; }

private:
    std::optional<std::uint64_t> known_;
    bool is_of_nothing_ = true;
    bool has_overflowed_ = false;
};

} // namespace socktally
