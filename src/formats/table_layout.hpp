// SPDX-License-Identifier: MIT
// Lays out cells as the lines of a table of a given width. No I/O. Knows about terminals, but not about traffic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

enum class Paint : std::uint8_t { plain, bold, dim, bar, good, warning };
/// Returns `text`; with `color`, adds the escape sequences for `paint` around it.
std::string painted(std::string_view text, Paint paint, bool color);

/// How a column is cut, and when it is left out, if the lines are too wide.
struct Look {
    static constexpr unsigned decoration = 1; // columns of this rank are left out before any cell is cut
    static constexpr unsigned dear = 8; // columns of this rank or above are left out only after all cells were cut

    enum class Cut : std::uint8_t { never, end, middle }; // figures are never cut

    Cut cut = Cut::never;
    std::size_t good = 0;  // cells become narrower than this only after all columns of ranks 1 to 7 were left out
    std::size_t least = 0; // cells never become narrower than this
    // The rank of the column. Columns are left out in the order of their ranks, from 1 upwards, until the lines fit.
    // Columns of rank 0 are left out last, from the right.
    unsigned expendable = 0;
    bool is_key = false; // cells become narrower than `good` only after cells of other columns are as narrow as `least`
};

/// A column of printable text.
struct TableColumn {
    std::string heading;
    std::vector<std::string> cells{}; // one a row
    Look look{};
    bool is_right_aligned = false;
    std::size_t gap = 2; // blanks before it
    /// Shorter cells, which replace `cells` before any cell is cut. Empty if there are none.
    std::vector<std::string> brief{};
    std::vector<Paint> paints{}; // one Paint for each row; empty: all plain
};

struct TableLines {
    std::vector<std::string> lines;
    std::vector<std::string> missing; // headings of columns of rank 0 that were left out
};

/// Returns lines that fit into a screen of `width` columns, unless the first column of the table alone is wider. Leaves
/// out columns of the table until the others fit with cells cut short. Then cuts the widest cells first.
TableLines lay_out(std::vector<TableColumn> columns, std::size_t width, bool header, bool color);

} // namespace socktally
