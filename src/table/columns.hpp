// SPDX-License-Identifier: MIT
// The one table of columns. It feeds every format, --list-columns, --sort, the man page test and the completions.
#pragma once

#include "table/row.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace socktally {

/// A value on its way to a format: null, a number, or raw text (any bytes; each format escapes it in one place).
using Cell = std::variant<std::monostate, std::uint64_t, Decimal, std::string>;

enum class CellType : std::uint8_t { integer, decimal, string };
std::string_view to_string(CellType type); // "integer"

/// What a backend has to do for a column. What costs more than counting is printed only where it is asked for by name.
enum class Needs : std::uint8_t {
    processes,
    tuples,     // a flow for each socket; means something only where the grouping is not by owner
    peers,      // the same, and the other end of each datagram
    packets,    // packets counted as well as payload; on request
    interfaces, // nothing; has a value only in rows by interface
    reports,    // nothing; what rows of one sample have in common
    sharers,    // a flow for each socket, and who else owns it; on request
    // What has to be read of processes (IdentityNeeds); on request.
    command,
    exe,
    parent,
    cgroup,
    containers,
    ports, // and a flow for each socket
    netns, // and a flow for each socket, since it is the socket's
};

struct Column {
    std::string_view name; // "rx_bytes"
    CellType type;
    std::string_view unit;        // "bytes", "ticks since boot", "percent", or empty
    std::string_view description; // one line
    Cell (*value)(const Row&);
    std::string_view heading; // what people see over it, "RX"
    Needs needs = Needs::processes;
    std::string_view metric = {}; // what formats of time series call it: "receive_bytes"; empty: it tells series apart
};

using ColumnList = std::vector<const Column*>;
bool has_column(const ColumnList& list, std::string_view name);

inline bool is_rate(const Column& column) { return column.unit == "bytes per second"; }

std::span<const Column> columns();
const Column* find_column(std::string_view name);
/// The column that is called `name` in `spec`, which is what was typed. Throws std::invalid_argument with a one-line
/// message that names the nearest column.
const Column& require_column(std::string_view name, std::string_view spec);

/// What is printed: the column's value, or "other" in the text column that a grouping is keyed by where the row sums
/// the rest.
Cell cell(const Column& column, const Row& row, GroupBy by);

/// The default columns of a grouping, in order.
ColumnList default_columns(GroupBy by);
/// Every column that can be set under this grouping and costs nothing more, in table order; what JSON prints unless
/// told otherwise.
ColumnList all_columns(GroupBy by);

/// The default columns of a format of time series: those that tell the series apart, of which none can have values
/// without end unless the grouping is by it, and what is measured.
ColumnList series_columns(GroupBy by);

/// `spec` as given to -o: `a,b`, or `+a,b` to add to `defaults`; empty: `defaults`. A column given twice is kept once.
/// Throws std::invalid_argument with a one-line message that names the nearest column.
ColumnList select_columns(std::string_view spec, const ColumnList& defaults);

/// The columns that `spec`, as given to --sort, adds up. Throws as sort_rows does.
ColumnList sort_columns(std::string_view spec);

/// Orders rows by `spec`: a column (numbers descending, text ascending, nulls last), or a sum of integer columns
/// `rx_bytes+tx_bytes` (descending); ties by pid, then by every other field, so the order is total.
/// Empty: rx_bytes+tx_bytes. Throws std::invalid_argument as select_columns does.
void sort_rows(std::vector<Row>& rows, std::string_view spec);

} // namespace socktally
