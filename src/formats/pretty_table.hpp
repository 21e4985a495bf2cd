// SPDX-License-Identifier: MIT
// The layout of the table for people: which text goes into which column, and how wide each is. Nothing is drawn here.
#pragma once

#include "formats/format.hpp"
#include "util/sum.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace socktally {

/// One column of the table, its text ready for the terminal.
struct Field {
    std::string_view column; // its name; empty for the rate, which is no column elsewhere
    std::string heading;     // empty if there is no header
    bool is_right_aligned = false;
    bool is_name = false; // may be cut if the line is too long
    std::size_t width = 0;
    std::vector<std::string> cells; // one a row
};

struct Table {
    std::vector<Field> fields;
    bool has_share = false;    // of the bytes that are known, in percent
    std::size_t bar_width = 0; // 0: no bar behind the share
};

constexpr std::size_t gap = 2;           // between two columns
constexpr std::size_t percent_width = 4; // ">99%"
constexpr std::size_t share_width = 5;   // "SHARE", and the same of a row but its bar

/// Leaves out what does not fit, in this order: the ends of long names, the bars; of the default columns the user and
/// the connections; the rate, the share, more of the names. The key and the bytes never go, nor does a column that was
/// asked for: the line gets longer instead.
Table lay_out(const Report& report, const ColumnList& columns, const Style& style);

/// A sum that lacks the bytes of `unknown` sockets is marked as the least that it can be.
std::string marked(std::string text, std::uint64_t unknown);

inline bool has_known_bytes(const Row& row) { return row.rx_bytes || row.tx_bytes; }
inline std::uint64_t bytes_of(const Row& row) { return sum(row.rx_bytes.value_or(0), row.tx_bytes.value_or(0)); }
inline std::uint64_t bytes_of(const Totals& totals)
{
    return sum(totals.rx_bytes.value_or(0), totals.tx_bytes.value_or(0));
}

} // namespace socktally
