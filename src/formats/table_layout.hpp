// SPDX-License-Identifier: MIT
// Cells and a width -> the lines of a table. Pure; knows terminals, but nothing of traffic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

enum class Paint : std::uint8_t { plain, bold, dim, bar, good, warning };
/// `text` as it is printed: between the escape sequences of `paint` if `color`.
std::string painted(std::string_view text, Paint paint, bool color);

/// How a column gives way if a line does not fit.
struct Look {
    static constexpr unsigned decoration = 1; // left out before any cell is cut
    static constexpr unsigned dear = 8;       // from here on, left out if cells cannot be cut any more

    enum class Cut : std::uint8_t { never, end, middle }; // figures are never cut

    Cut cut = Cut::never;
    std::size_t good = 0;  // a cell is cut to fewer columns than this only if there is nothing but `dear` to leave out
    std::size_t least = 0; // and to fewer than this never
    // What does not fit is left out: all `decoration`, all of 2, ...; then 0, the rightmost first.
    unsigned expendable = 0;
    bool is_key = false; // cut to fewer columns than is good after all others
};

/// A column of printable text.
struct TableColumn {
    std::string heading;
    std::vector<std::string> cells{}; // one a row
    Look look{};
    bool is_right_aligned = false;
    std::size_t gap = 2;              // blanks before it
    std::vector<std::string> brief{}; // shorter cells, taken before any is cut; empty: there are none
    std::vector<Paint> paints{};      // one a row; empty: plain
};

struct TableLines {
    std::vector<std::string> lines;
    std::vector<std::string> missing; // headings of the columns that are left out although they are not expendable
};

/// Lines of at most `width` columns, as far as the first column allows that. Columns are left out until the rest fits
/// when it is cut; of that the widest cells are cut first.
TableLines lay_out(std::vector<TableColumn> columns, std::size_t width, bool header, bool color);

} // namespace socktally
