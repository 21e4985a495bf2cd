// SPDX-License-Identifier: MIT
#include "formats/series.hpp"

#include "formats/escape.hpp"
#include "table/merge.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <unordered_map>

namespace socktally {

namespace {

bool is_measure(const Column* column) { return !column->metric.empty(); }

std::string text_of(const Cell& cell)
{
    if (const auto* number = std::get_if<std::uint64_t>(&cell)) {
        return std::to_string(*number);
    }
    const auto* text = std::get_if<std::string>(&cell);
    return text != nullptr ? *text : "";
}

/// Returns a text that is the same for all labels that a format writes in the same way. Uses the escapes of InfluxDB,
/// which make more labels look the same than those of Prometheus.
std::string written(const std::vector<Label>& labels)
{
    std::string text;
    for (const Label& label : labels) {
        text.append(label.name).append("=");
        append_influx_tag(text, label.value);
        text += '\n';
    }
    return text;
}

std::vector<Label> labels_of(const GrowingSeries& series)
{
    std::vector<Label> labels;
    for (const auto& [name, value] : series.labels) {
        labels.push_back({name, value});
    }
    return labels;
}

Row row_of(const GrowingSeries& series)
{
    Row row;
    row.rx_bytes = series.rx_bytes;
    row.tx_bytes = series.tx_bytes;
    row.connections = series.connections;
    row.unknown_connections = series.unknown_connections;
    row.packets = {series.rx_packets, series.tx_packets, std::nullopt, std::nullopt};
    return row;
}

} // namespace

std::vector<Label> labels_of(const Row& row, const ColumnList& columns, const GroupBy& by)
{
    // If a cgroup shows the unit, container or pod of traffic without an owner, the row is that of the unit, container
    // or pod. Such a row does not have the cause as a label.
    const bool is_in_group = by.gathers_processes() && row.attribution == Quality::socket;
    const bool has_cause = row.kind == RowKind::cause && !is_in_group;
    bool names_cause = false;
    bool has_kind = false;
    std::vector<Label> labels;
    for (const Column* column : columns) {
        const bool is_process = column->name == "process";
        const bool is_time = column->name == "time"; // each point has its own time
        if (is_measure(column) || is_time || (is_process && by.gathers_processes() && !has_cause)) {
            continue;
        }
        std::string text = text_of(cell(*column, row, by));
        if (text.empty()) {
            continue;
        }
        names_cause = names_cause || (is_process && has_cause);
        has_kind = has_kind || column->name == "kind";
        labels.push_back({column->name, std::move(text)});
    }
    if (!has_kind && (names_cause || row.is_other())) {
        labels.push_back({"kind", std::string(to_string(*row.kind))});
    }
    return labels;
}

ColumnList measures_of(const ColumnList& columns, const GroupBy& by)
{
    ColumnList measures;
    std::copy_if(columns.begin(), columns.end(), std::back_inserter(measures), is_measure);
    return measures.empty() ? measures_of(series_columns(by), by) : measures;
}

std::vector<Series> series_of(const Report& report, const ColumnList& columns)
{
    std::vector<Series> all;
    std::unordered_map<std::string, std::size_t> index;
    const auto add = [&](std::vector<Label> labels, const Row& row) {
        const std::string piece = report.per && row.time ? to_short_timestamp(*row.time) : "";
        const auto [place, is_new] = index.try_emplace(piece + written(labels), all.size());
        if (is_new) {
            all.push_back({std::move(labels), row});
        } else {
            merge(all[place->second].row, row);
        }
    };
    if (report.cumulative) {
        for (const GrowingSeries& series : report.series) {
            add(labels_of(series), row_of(series));
        }
    } else {
        for (const Row& row : report.rows) {
            add(labels_of(row, columns, report.by), row);
        }
    }
    return all;
}

void merge_series(std::vector<Row>& rows, const ColumnList& columns, const GroupBy& by)
{
    std::vector<Row> merged;
    std::map<std::vector<Label>, std::size_t> index;
    for (Row& row : rows) {
        const auto [place, is_new] = index.try_emplace(labels_of(row, columns, by), merged.size());
        if (is_new) {
            merged.push_back(std::move(row));
        } else {
            merge(merged[place->second], row);
        }
    }
    rows = std::move(merged);
}

} // namespace socktally
