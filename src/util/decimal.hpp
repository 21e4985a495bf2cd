// SPDX-License-Identifier: MIT
// A number with two digits behind the point, exact, so that it is written the same way everywhere.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace socktally {

struct Decimal {
    std::uint64_t hundredths = 0;
    auto operator<=>(const Decimal&) const = default;
};

inline std::string to_string(Decimal number)
{
    return fmt::format("{}.{:02}", number.hundredths / 100, number.hundredths % 100); // 12.34
}

} // namespace socktally
