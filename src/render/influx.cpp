// SPDX-License-Identifier: MIT
// InfluxDB line protocol: one point a row, at the end of the window. What is not known has no field.
#include "render/escape.hpp"
#include "render/series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace socktally {

namespace {

/// Integers are signed there, and a line with a larger one is refused as a whole: it sticks at the top, as sum() does.
std::string integer(std::uint64_t value)
{
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    return fmt::format("{}i", std::min(value, largest));
}

void append_tag(std::string& out, std::string_view name, std::string_view value)
{
    if (!value.empty()) { // the protocol has no empty ones
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
    out += fmt::format("duration_ns={},complete={}", integer(static_cast<std::uint64_t>(report.duration.count())),
                       report.complete);
}

} // namespace

void render_influx(std::string& out, const Report& report, const ColumnList& columns)
{
    using namespace std::chrono;
    // Frames are no payload, so what interfaces moved is a measurement of its own.
    const std::string_view measurement = report.by == GroupBy::interface ? "socktally_interface" : "socktally";
    // The windows of a report may come to more than the protocol has nanoseconds for.
    const auto start = duration_cast<nanoseconds>(report.started_at.time_since_epoch());
    const auto end = start + std::min(report.duration, nanoseconds::max() - std::max(start, nanoseconds(0)));
    const ColumnList measures = measures_of(columns, report.by);
    const bool has_host =
        std::any_of(columns.begin(), columns.end(), [](const Column* c) { return c->name == "host"; });
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
        out += fmt::format(" {}\n", end.count());
    }
}

} // namespace socktally
