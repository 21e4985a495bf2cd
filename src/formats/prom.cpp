// SPDX-License-Identifier: MIT
// The text exposition format 0.0.4 of Prometheus. All values of a metric stand together, below its help and type. An
// unknown value has no line.
#include "formats/escape.hpp"
#include "formats/series.hpp"

#include <fmt/format.h>

#include <chrono>
#include <set>

namespace socktally {

namespace {

/// Returns the value as Prometheus expects it: shares from 0 to 1 in place of percent, and times in seconds.
std::string value_of(const Column& column, const Row& row)
{
    const Cell cell = column.value(row);
    if (const auto* number = std::get_if<std::uint64_t>(&cell)) {
        constexpr std::uint64_t second = 1'000'000;
        return column.unit == "microseconds" ? fmt::format("{}.{:06}", *number / second, *number % second)
                                             : std::to_string(*number);
    }
    const auto* percent = std::get_if<Decimal>(&cell);
    return percent != nullptr ? fmt::format("{}.{:04}", percent->hundredths / 10'000, percent->hundredths % 10'000)
                              : "";
}

struct Metric {
    std::string name;
    std::string_view help;
    std::string_view type;
};

void append_head(std::string& out, const Metric& metric)
{
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", metric.name, metric.help, metric.type);
}

void append_sample(std::string& out, std::string_view name, const std::vector<Label>& labels, std::string_view value)
{
    out += name;
    for (const Label& label : labels) {
        out += &label == &labels.front() ? '{' : ',';
        out.append(label.name).append("=\"");
        append_prom_label(out, label.value);
        out += '"';
    }
    out.append(labels.empty() ? " " : "} ").append(value) += '\n';
}

/// Returns the metric of a column. Interfaces count the bytes of whole frames, and sockets count payload. So the two
/// have different metrics.
Metric metric_of(const Column& column, const Report& report)
{
    const bool is_sum = column.unit == "bytes" || column.unit == "packets";
    const bool is_counter = report.cumulative && is_sum;
    return {fmt::format("socktally_{}{}{}", report.by.is_by_interface() ? "interface_" : "", column.metric,
                        is_counter ? "_total" : ""),
            column.description, is_counter ? "counter" : "gauge"};
}

void append_column(std::string& out, const Column& column, const Report& report, const std::vector<Series>& series)
{
    const Metric metric = metric_of(column, report);
    bool has_head = false;
    for (const Series& one : series) {
        const std::string value = value_of(column, one.row);
        if (value.empty()) {
            continue;
        }
        if (!has_head) {
            append_head(out, metric);
            has_head = true;
        }
        append_sample(out, metric.name, one.labels, value);
    }
}

/// Writes one series for each code of the notes that make the report incomplete. Several notes may have the same code.
void append_notes(std::string& out, const Report& report, const std::vector<Label>& labels)
{
    std::set<std::string_view> codes;
    for (const Note& note : report.notes) {
        if (note.incomplete) {
            codes.insert(to_string(note.code));
        }
    }
    const Metric metric{"socktally_note", "1 for each reason why a value may be too low", "gauge"};
    if (!codes.empty()) {
        append_head(out, metric);
    }
    for (const std::string_view code : codes) {
        std::vector<Label> all{{"code", std::string(code)}};
        all.insert(all.end(), labels.begin(), labels.end());
        append_sample(out, metric.name, all, "1");
    }
}

/// Writes the series about the sample as a whole. The label `file` distinguishes files in one directory, because
/// node_exporter refuses all files if two of them have the same series.
void append_facts(std::string& out, const Report& report, std::string_view file)
{
    std::vector<Label> labels{{"by", report.by.name()}};
    if (!file.empty()) {
        labels.push_back({"file", std::string(file)});
    }
    const auto fact = [&](const Metric& metric, std::string_view value) {
        append_head(out, metric);
        append_sample(out, metric.name, labels, value);
    };
    const auto seconds = std::chrono::floor<std::chrono::seconds>(report.duration);
    fact({"socktally_window_seconds", "length of the window; 0: bytes are counted since each socket was opened",
          "gauge"},
         fmt::format("{}.{:09}", seconds.count(), (report.duration - seconds).count()));
    fact({"socktally_complete", "1 if complete, 0 if a value may be too low", "gauge"}, report.complete ? "1" : "0");
    append_notes(out, report, labels);
}

void render_prom(std::string& out, const Report& report, const ColumnList& columns, const Style& style)
{
    const std::vector<Series> series = series_of(report, columns);
    for (const Column* column : measures_of(columns, report.by)) {
        append_column(out, *column, report, series);
    }
    append_facts(out, report, style.file);
}

} // namespace

extern const Format prom_format{
    .name = "prom", .render = render_prom, .usual_columns = series_columns, .is_series = true, .is_one_set = true};

} // namespace socktally
