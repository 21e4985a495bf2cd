// SPDX-License-Identifier: MIT
// Lays out cells as the lines of a table of a given width. Pure. It knows terminals, but nothing of traffic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

enum class Paint : std::uint8_t { plain, bold, dim, bar, good, warning };
/// Returns `text` as it is printed, between the escape sequences of `paint` if `color`.
std::string painted(std::string_view text, Paint paint, bool color);

/// How a column is cut or left out if a line does not fit.
struct Look {
    static constexpr unsigned decoration = 1; // a column with this rank is left out before any cell is cut
    static constexpr unsigned dear = 8; // columns from this rank on are left out only if cells cannot be cut any more

    enum class Cut : std::uint8_t { never, end, middle }; // figures are never cut

    Cut cut = Cut::never;
    std::size_t good = 0;  // cells are cut below this width only if no column below `dear` is left to leave out
    std::size_t least = 0; // cells are never cut below this width
    // Columns are left out until the line fits: all with `decoration`, all with 2, ...; then those with 0, from the
    // right.
    unsigned expendable = 0;
    bool is_key = false; // cut below `good` only after all others
};

/// A column of printable text.
struct TableColumn {
    std::string heading;
    std::vector<std::string> cells{}; // one a row
    Look look{};
    bool is_right_aligned = false;
    std::size_t gap = 2;              // blanks before it
    std::vector<std::string> brief{}; // shorter cells, used before any cell is cut; empty if there are none
    std::vector<Paint> paints{};      // one for each row; empty: plain
};

struct TableLines {
    std::vector<std::string> lines;
    std::vector<std::string> missing; // headings of columns that were left out though not expendable
};

/// Returns lines of at most `width` columns, unless the first column alone is wider. Leaves out columns until the rest
/// fits with cut cells, then cuts the widest cells first.
TableLines lay_out(std::vector<TableColumn> columns, std::size_t width, bool header, bool color);

} // namespace socktally
