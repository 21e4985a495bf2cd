// SPDX-License-Identifier: MIT
// The seam between what is printed and how. A format is one file that fills a Format, and its place in the list of
// format.cpp. No I/O.
#pragma once

#include "formats/human.hpp"
#include "table/columns.hpp"
#include "table/row.hpp"

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// Settings of a format beside the data that it prints.
struct Style {
    bool color = false;
    bool header = true;
    std::size_t width = 80; // columns of the terminal
    std::string file{};     // name of the file that the text is for, without its directory; empty: none is known
    std::size_t height = 0; // lines of the terminal; 0: all rows are shown
    Units units{};
    bool has_extras =
        false; // there is room for the busiest remote address, and the unit or container, if they are known
};

/// A plain table of text that is no sample: --list-columns and doctor.
struct Listing {
    std::string name;                    // of the array in JSON: "columns"
    std::vector<std::string> headers;    // plain words
    std::vector<std::vector<Cell>> rows; // each as long as headers
    bool ends_in_commands = false;       // the last column is to be copied: people see it in one piece
};

struct Format {
    std::string_view name; // as --format takes it
    void (*render)(std::string& out, const Report& report, const ColumnList& columns, const Style& style);
    void (*list)(std::string& out, const Listing& listing, const Style& style) = nullptr; // null: prints samples only
    ColumnList (*usual_columns)(const GroupBy& by) = default_columns;
    bool is_of_doctor = false;  // doctor prints it too
    bool has_notes = false;     // else they go to standard error
    bool is_for_people = false; // it has units, what is local, and more columns if the terminal is wide
    bool has_host = false;      // a report of rows has their host in any case
    bool is_one_table = false;  // the lines of all windows are one table, in which a column says when each began
    bool is_series = false;  // rows are points of series, known by their labels; those of the same labels are added up
    bool is_one_set = false; // is read as one set of figures, which are counters if they are counted since another run
    std::string_view between_windows{};
};

/// All of them, in the order of the manual.
std::span<const Format* const> formats();
/// Null: there is none of that name.
const Format* find_format(std::string_view name);
/// `asked` if it is not null, else what suits where the text goes.
const Format* format_or_usual(const Format* asked, bool to_terminal);

/// Cells under names, whichever kind of data they are.
struct CellTable {
    std::vector<std::string_view> names;
    std::size_t rows = 0;
    std::function<Cell(std::size_t row, std::size_t column)> cell;
};
/// The report or listing has to outlive what is returned.
CellTable cells_of(const Report& report, const ColumnList& columns);
CellTable cells_of(const Listing& listing);

} // namespace socktally
