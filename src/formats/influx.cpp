// SPDX-License-Identifier: MIT
// The line protocol of InfluxDB: one point for each row. A point has no field for an unknown value.
#include "formats/escape.hpp"
#include "formats/series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace socktally {

namespace {

/// Prints an integer for InfluxDB, which has signed 64-bit integers. A larger value becomes the maximum, because
/// InfluxDB would refuse the whole line.
std::string integer(std::uint64_t value)
{
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    return fmt::format("{}i", std::min(value, largest));
}

void append_tag(std::string& out, std::string_view name, std::string_view value)
{
    if (!value.empty()) { // the protocol does not allow empty values
        out.append(",").append(name).append("=");
        append_influx_tag(out, value);
    }
}

void append_fields(std::string& out, const Row& row, const Report& report, const ColumnList& measures)
{
    for (const Column* column : measures) {
        const Cell value = column->value(row);
        if (const auto* number = std::get_if<std::uint64_t>(&value)) {
            out += fmt::format("{}={},", column->name, integer(*number));
        } else if (const auto* decimal = std::get_if<Decimal>(&value)) {
            out += fmt::format("{}={},", column->name, to_string(*decimal));
        }
    }
    if (row.window != std::chrono::nanoseconds(0)) {
        const auto window = row.window.value_or(report.duration);
        out += fmt::format("duration_ns={},", integer(static_cast<std::uint64_t>(window.count())));
    }
    out += fmt::format("complete={}", report.complete);
}

/// Returns the time of the row's point: the end of the row's last window. In a report by hour or day, returns the start
/// of the hour or day, because the end already belongs to the next hour or day.
TimePoint time_of(const Row& row, const Report& report)
{
    if (report.per && row.time) {
        return *row.time;
    }
    const TimePoint begin = report.started_at;
    return row.until.value_or(begin + std::min(report.duration, TimePoint::max() - begin));
}

void render_influx(std::string& out, const Report& report, const ColumnList& columns, const Style&)
{
    // Interfaces count the bytes of whole frames, and sockets count payload. So the two are different measurements.
    const std::string_view measurement = report.by.is_by_interface() ? "socktally_interface" : "socktally";
    const ColumnList measures = measures_of(columns, report.by);
    const bool has_host = has_column(columns, "host");
    for (const Series& series : series_of(report, columns)) {
        out += measurement;
        if (!has_host) {
            append_tag(out, "host", report.host);
        }
        for (const Label& label : series.labels) {
            append_tag(out, label.name, label.value);
        }
        out += ' ';
        append_fields(out, series.row, report, measures);
        out += fmt::format(" {}\n", time_of(series.row, report).time_since_epoch().count());
    }
}

} // namespace

extern const Format influx_format{
    .name = "influx", .render = render_influx, .usual_columns = series_columns, .is_series = true};

} // namespace socktally
