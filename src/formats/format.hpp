// SPDX-License-Identifier: MIT
// The seam between data and formats. A format is one file that fills a Format, and an entry in the list of format.cpp.
// No I/O.
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

/// Settings of a format, besides the data that it prints.
struct Style {
    bool color = false;
    bool header = true;
    std::size_t width = 80; // columns of the terminal
    std::string file{}; // name of the file that the text is written to, without its directory; empty if it is not known
    std::size_t height = 0; // lines of the terminal; 0: print all rows
    Units units{};
    bool has_extras = false; // room for the busiest remote address, and the unit or container, if known
};

/// A plain table of text that is not a sample: --list-columns and doctor.
struct Listing {
    std::string name;                    // name of the array in JSON: "columns"
    std::vector<std::string> headers;    // plain words
    std::vector<std::vector<Cell>> rows; // each as long as headers
    bool ends_in_commands = false; // the last column has commands to copy, so formats for people keep them in one piece
};

struct Format {
    std::string_view name; // the value of --format
    void (*render)(std::string& out, const Report& report, const ColumnList& columns, const Style& style);
    void (*list)(std::string& out, const Listing& listing, const Style& style) = nullptr; // null: samples only
    ColumnList (*usual_columns)(const GroupBy& by) = default_columns;
    bool is_of_doctor = false;  // doctor can print it
    bool has_notes = false;     // prints notes; else they go to standard error
    bool is_for_people = false; // prints units and local traffic, and more columns if the terminal is wide
    bool has_host = false;      // a report always prints the host of its rows
    bool is_one_table = false;  // prints all windows as one table, in which a column has the start of each
    bool is_series = false;     // rows are points of series, which their labels identify; equal ones are added up
    bool is_one_set = false; // the output is read as one set of figures; figures counted since another run are counters
    std::string_view between_windows{};
};

/// Returns all formats, in the order of the manual.
std::span<const Format* const> formats();
/// Returns null if there is no format of that name.
const Format* find_format(std::string_view name);
/// Returns `asked` if it is not null, else the usual format for a terminal or for a file.
const Format* format_or_usual(const Format* asked, bool to_terminal);

/// Cells under column names, whatever the data.
struct CellTable {
    std::vector<std::string_view> names;
    std::size_t rows = 0;
    std::function<Cell(std::size_t row, std::size_t column)> cell;
};
/// The report or listing must outlive the returned table.
CellTable cells_of(const Report& report, const ColumnList& columns);
CellTable cells_of(const Listing& listing);

} // namespace socktally
