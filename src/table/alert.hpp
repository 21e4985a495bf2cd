// SPDX-License-Identifier: MIT
// Thresholds on columns, as given to --alert: `tx_bytes_per_sec>10M`.
#pragma once

#include "table/columns.hpp"

#include <string_view>

namespace socktally {

/// A column's value times 100. The type holds 100 times any 64-bit integer.
using Hundredths = unsigned __int128;

struct Alert {
    const Column* column = nullptr; // a column of integers or decimals
    bool (*holds)(Hundredths value, Hundredths threshold) = nullptr;
    Hundredths threshold = 0;
};

/// Parses COLUMN OP NUMBER, with or without blanks between them. OP is > >= < <= = or !=. NUMBER has at most two
/// decimals. A prefix may follow it: k, K, M, G, T (powers of 1000) or Ki, Mi, Gi, Ti (powers of 1024). The unit of the
/// column may come last (B, bit, %). Throws std::invalid_argument with a one-line message. If the column is unknown,
/// the message suggests the nearest one.
Alert parse_alert(std::string_view text);

/// Returns whether the value in the row raises the alert. A null value never does.
bool matches(const Alert& alert, const Row& row);

} // namespace socktally
