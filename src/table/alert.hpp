// SPDX-License-Identifier: MIT
// Thresholds on columns, as given to --alert: `tx_bytes_per_sec>10M`.
#pragma once

#include "table/columns.hpp"

#include <string_view>

namespace socktally {

/// Holds any integer of a cell times a hundred.
using Hundredths = unsigned __int128;

struct Alert {
    const Column* column = nullptr; // an integer or a decimal
    bool (*holds)(Hundredths value, Hundredths threshold) = nullptr;
    Hundredths threshold = 0;
};

/// COLUMN OP NUMBER, with or without blanks between: OP is > >= < <= = or !=; NUMBER is a whole number of
/// hundredths, and may end in K, M, G, T (1000) or Ki, Mi, Gi, Ti (1024), and in the unit of the column (B, bit, %).
/// Throws std::invalid_argument with a one-line message that names the nearest column.
Alert parse_alert(std::string_view text);

/// Null never matches.
bool matches(const Alert& alert, const Row& row);

} // namespace socktally
