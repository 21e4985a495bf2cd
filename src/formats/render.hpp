// SPDX-License-Identifier: MIT
// One function a format: a report and the columns to print, appended to a string. No I/O.
#pragma once

#include "table/columns.hpp"
#include "table/row.hpp"

#include <string>
#include <string_view>

namespace socktally {

void render_tsv(std::string& out, const Report& report, const ColumnList& columns, bool header);
void render_csv(std::string& out, const Report& report, const ColumnList& columns,
                bool header); // RFC 4180, LF line ends
void render_json(std::string& out, const Report& report, const ColumnList& columns);
void render_jsonl(std::string& out, const Report& report, const ColumnList& columns);

/// Series that could not be told apart are added up.
/// Prometheus text format 0.0.4. `file` is the name of the file that the text is for, without its directory; empty:
/// none is known.
void render_prom(std::string& out, const Report& report, const ColumnList& columns, std::string_view file);
void render_influx(std::string& out, const Report& report, const ColumnList& columns); // InfluxDB line protocol

struct PrettyStyle {
    bool color = false;
    bool header = true;
    std::size_t width = 80; // columns of the terminal
};
void render_pretty(std::string& out, const Report& report, const ColumnList& columns, const PrettyStyle& style);

} // namespace socktally
