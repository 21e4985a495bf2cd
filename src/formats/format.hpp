// SPDX-License-Identifier: MIT
// The interface of all formats. A format is defined by one file, and has one entry in the list in format.cpp. No I/O.
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

/// Settings for printing, besides the data that a format prints.
struct Style {
    bool color = false;
    bool header = true;
    std::size_t width = 80; // width of the terminal in columns
    std::string file{};     // name of the output file, without its directory; empty if it is not known
    std::size_t height = 0; // height of the terminal in lines; 0: print all rows
    Units units{};
    bool has_names = false;  // print the name of a remote address, if it is known, in place of the address
    bool has_extras = false; // also print the busiest remote address, and the unit or container, if known
};

/// A table that is not a report: the output of --list-columns, --list-options and doctor.
struct Listing {
    std::string name;                    // name of the array in JSON: "columns"
    std::vector<std::string> headers;    // plain words
    std::vector<std::vector<Cell>> rows; // each row has one cell for each header
    bool ends_in_commands = false;       // the last column has commands to copy; formats for people do not wrap them
};

struct Format {
    std::string_view name; // the value of --format
    void (*render)(std::string& out, const Report& report, const ColumnList& columns, const Style& style);
    void (*list)(std::string& out, const Listing& listing, const Style& style) = nullptr; // null: prints no listings
    ColumnList (*usual_columns)(const GroupBy& by) = default_columns;
    bool is_of_doctor = false;    // doctor can print in this format
    bool has_notes = false;       // the output contains the notes; else they go to standard error
    bool is_for_people = false;   // prints rounded figures and hints, and more columns if the terminal is wide
    bool has_host = false;        // `report` always adds the column `host` to this format
    bool takes_made_rows = false; // prints each row once, by cells_of(), so Report::made may have the rows
    bool is_one_table = false;    // all windows are printed as one table, with a column for the start of each window
    bool is_series = false;       // a row is a point of a time series; rows with equal labels are added up
    /// Readers of this format expect one set of current figures. With --since, the format prints counters that only
    /// grow.
    bool is_one_set = false;
    std::string_view between_windows{};
};

/// Returns all formats, in the order of the manual.
std::span<const Format* const> formats();
/// Returns the format of that name; null if there is none.
const Format* find_format(std::string_view name);
/// Returns `asked`. If it is null, returns the usual format: pretty for a terminal, otherwise tsv.
const Format* format_or_usual(const Format* asked, bool to_terminal);

/// The cells of a report or of a listing, with the names of the columns.
struct CellTable {
    std::vector<std::string_view> names;
    std::size_t rows = 0;
    std::function<Cell(std::size_t row, std::size_t column)> cell;
};
/// Returns a table that refers to the report or the listing, which must outlive the table.
CellTable cells_of(const Report& report, const ColumnList& columns);
CellTable cells_of(const Listing& listing);

} // namespace socktally
