// SPDX-License-Identifier: MIT
// Thresholds on columns, as given to --alert: `tx_bytes_per_sec>10M`.
#pragma once

#include "table/columns.hpp"

#include <string_view>

namespace socktally {

/// Large enough for any integer of a cell times a hundred.
using Hundredths = unsigned __int128;

struct Alert {
    const Column* column = nullptr; // a column of integers or decimals
    bool (*holds)(Hundredths value, Hundredths threshold) = nullptr;
    Hundredths threshold = 0;
};

/// Parses COLUMN OP NUMBER, with or without blanks between them. OP is > >= < <= = or !=. NUMBER has at most two
/// decimals, and may end in K, M, G, T (1000) or Ki, Mi, Gi, Ti (1024), and in the unit of the column (B, bit, %).
/// Throws std::invalid_argument with a one-line message that names the nearest column.
Alert parse_alert(std::string_view text);

/// Returns whether the value in the row raises the alert. Null never does.
bool matches(const Alert& alert, const Row& row);

} // namespace socktally
