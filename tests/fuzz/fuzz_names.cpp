// SPDX-License-Identifier: MIT
// Any bytes as the name of a process, in every format: no name may break a line, a field, a terminal or JSON.
#include "formats/escape.hpp"
#include "formats/format.hpp"
#include "formats/width.hpp"
#include "fuzz.hpp"

#include <simdjson.h>

#include <algorithm>

using namespace socktally;

namespace {

bool is_utf8(std::string_view text)
{
    while (!text.empty()) {
        const auto point = decode_utf8(text);
        if (!point) {
            return false;
        }
        text.remove_prefix(point->length);
    }
    return true;
}

bool has_control(std::string_view text)
{
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

template <typename Append>
std::string appended(Append append, std::string_view text)
{
    std::string out;
    append(out, text);
    return out;
}

void check_texts(std::string_view name)
{
    for (const auto append : {append_escaped, append_csv_text, append_printable}) {
        const std::string text = appended(append, name);
        require(!has_control(text) && is_utf8(text));
    }
    const std::string printable = appended(append_printable, name);
    for (const std::size_t width : {0U, 1U, 2U, 7U, 15U, 40U}) {
        const std::string cut = cut_to_width(printable, width);
        require(is_utf8(cut) && !has_control(cut));
        require(display_width(cut) <= std::max<std::size_t>(width, 1));
        require(display_width(printable) > width || cut == printable);
    }
}

void check_json(std::string_view name)
{
    const std::string text = appended(append_json_string, name);
    require(text.size() >= 2 && !has_control(text) && is_utf8(text));
    simdjson::dom::parser parser;
    simdjson::dom::element value;
    require(parser.parse("[" + text + "]").at(0).get(value) == simdjson::SUCCESS);
    std::string_view back;
    require(value.get(back) == simdjson::SUCCESS);
    require(!is_utf8(name) || back == name);
}

void check_formats(std::string_view name)
{
    Report report;
    report.host = name;
    report.duration = std::chrono::seconds(1);
    Row row;
    row.process = name;
    row.rx_bytes = 5;
    report.rows = {row};
    const ColumnList columns = select_columns("process,rx_bytes", {});
    std::string out;
    find_format("tsv")->render(out, report, columns, {.header = false});
    require(std::count(out.begin(), out.end(), '\n') == 1 && std::count(out.begin(), out.end(), '\t') == 1);
    out.clear();
    find_format("pretty")->render(out, report, columns, {.width = 60});
    require(is_utf8(out));
    require(std::all_of(out.begin(), out.end(), [](char c) { return c == '\n' || !has_control({&c, 1}); }));
    out.clear();
    find_format("json")->render(out, report, columns, {});
    simdjson::dom::parser parser;
    require(parser.parse(out).error() == simdjson::SUCCESS);
}

/// The lines without their last blank and what is behind it, `blanks` times; sorted: what series are known by.
std::vector<std::string_view> keys_of(std::string_view text, int blanks)
{
    std::vector<std::string_view> keys;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() + 1);
        if (line.starts_with('#')) {
            continue;
        }
        for (int i = 0; i < blanks; ++i) {
            line = line.substr(0, line.rfind(' '));
        }
        keys.push_back(line);
    }
    std::sort(keys.begin(), keys.end());
    return keys;
}

/// No name may make a line of its own, and none two series that are one.
void require_series(const std::string& text, int blanks, std::size_t most)
{
    require(is_utf8(text));
    require(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || !has_control({&c, 1}); }));
    const auto keys = keys_of(text, blanks);
    require(keys.size() <= most);
    require(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
}

/// Of three processes: one with the name, two with what it is written as.
void check_series(std::string_view name)
{
    Report report;
    report.host = name;
    Row row;
    row.kind = RowKind::process;
    row.process = name;
    row.rx_bytes = 5;
    Row twin = row;
    twin.process = appended(append_influx_tag, name);
    Row other_twin = row;
    other_twin.process = appended(append_prom_label, name);
    report.rows = {row, twin, other_twin};
    const ColumnList columns = select_columns("process,rx_bytes", {});
    std::string out;
    find_format("prom")->render(out, report, columns, {.file = std::string(name)});
    require_series(out, 1, 5); // with the two facts
    out.clear();
    find_format("influx")->render(out, report, columns, {});
    require_series(out, 2, 3);
}

} // namespace

FUZZ_DRIVER(names)
{
    const std::string_view name = as_text(input);
    check_texts(name);
    check_json(name);
    check_formats(name);
    check_series(name);
}
