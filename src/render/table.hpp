// SPDX-License-Identifier: MIT
// The layout of the table for people: which text goes into which column, and how wide each is. Nothing is drawn here.
#pragma once

#include "model/sum.hpp"
#include "render/render.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace socktally {

/// One column of the table, its text ready for the terminal.
struct Field {
    std::string heading; // empty where there is no header
    bool is_right_aligned = false;
    bool is_name = false; // may be cut where the line is too long
    std::size_t width = 0;
    std::vector<std::string> cells; // one a row
};

struct Table {
    std::vector<Field> fields;
    std::size_t bar_width = 0; // 0: no share column
};

constexpr std::size_t gap = 2;           // between two columns
constexpr std::size_t percent_width = 4; // ">99%"

/// What does not fit goes in this order: the ends of long names, the bars, the rates. Figures that were asked for never
/// go; the line gets longer instead.
Table lay_out(const Report& report, const ColumnList& columns, const PrettyStyle& style);

/// `text` as a terminal may have it.
std::string printable(std::string_view text);

inline bool has_known_bytes(const Row& row) { return row.rx_bytes || row.tx_bytes; }
inline std::uint64_t bytes_of(const Row& row) { return sum(row.rx_bytes.value_or(0), row.tx_bytes.value_or(0)); }
inline std::uint64_t bytes_of(const Totals& totals) { return sum(totals.rx_bytes, totals.tx_bytes); }

} // namespace socktally
