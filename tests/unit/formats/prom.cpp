// SPDX-License-Identifier: MIT
#include "formats/format.hpp"
#include "table/merge.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

using namespace socktally;
using namespace socktally::test;

namespace {

std::string prom(const Report& report, std::string_view columns, std::string_view file = {})
{
    std::string out;
    find_format("prom")->render(out, report, select_columns(columns, series_columns(report.by)),
                                {.file = std::string(file)});
    return out;
}

/// The lines of samples that begin with this.
std::string samples(const Report& report, std::string_view columns, std::string_view begin)
{
    const std::string text = prom(report, columns);
    std::string_view rest = text;
    std::string found;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n') + 1);
        rest.remove_prefix(line.size());
        if (line.starts_with(begin)) {
            found += line;
        }
    }
    return found;
}

std::string label_of(std::string name)
{
    const std::string line =
        samples(report({row(1, std::move(name), 1, 1)}), "process,rx_bytes", "socktally_receive_bytes{process=");
    const auto begin = line.find('"') + 1;
    return line.substr(begin, line.rfind('"') - begin);
}

Row named(const Row& base, std::string unit, std::string user)
{
    Row result = base;
    Identity identity;
    identity.unit = std::move(unit);
    result.identity = std::make_shared<const Identity>(identity);
    result.user = std::move(user);
    return result;
}

} // namespace

TEST_CASE("a metric is its help, its type and a sample a row")
{
    const Report two = report({named(row(12, "curl", 5, 6), "cron.service", "al"), row(13, "wget", 7, 0)});
    CHECK(prom(two, "") ==
          "# HELP socktally_receive_bytes payload that the process received, as far as known; of an interface whole "
          "frames\n"
          "# TYPE socktally_receive_bytes gauge\n"
          "socktally_receive_bytes{process=\"curl\",user=\"al\",unit=\"cron.service\"} 5\n"
          "socktally_receive_bytes{process=\"wget\"} 7\n"
          "# HELP socktally_transmit_bytes payload that the process sent, as far as known; of an interface whole "
          "frames\n"
          "# TYPE socktally_transmit_bytes gauge\n"
          "socktally_transmit_bytes{process=\"curl\",user=\"al\",unit=\"cron.service\"} 6\n"
          "socktally_transmit_bytes{process=\"wget\"} 0\n"
          "# HELP socktally_unknown_connections sockets of the row whose bytes are unknown: the sums lack theirs\n"
          "# TYPE socktally_unknown_connections gauge\n"
          "socktally_unknown_connections{process=\"curl\",user=\"al\",unit=\"cron.service\"} 0\n"
          "socktally_unknown_connections{process=\"wget\"} 0\n"
          "# HELP socktally_window_seconds length of the window; 0: bytes are counted since each socket was opened\n"
          "# TYPE socktally_window_seconds gauge\n"
          "socktally_window_seconds{by=\"process\"} 1.000000000\n"
          "# HELP socktally_complete 1 if complete, 0 if a value may be too low\n"
          "# TYPE socktally_complete gauge\n"
          "socktally_complete{by=\"process\"} 1\n");
}

TEST_CASE("the largest figure is written in full, and an odd window to the nanosecond")
{
    Report huge = report({row(1, "a", std::numeric_limits<std::uint64_t>::max(), 0)});
    huge.duration = std::chrono::nanoseconds(61'000'000'007);
    huge.complete = false;
    CHECK(samples(huge, "", "socktally_receive") == "socktally_receive_bytes{process=\"a\"} 18446744073709551615\n");
    CHECK(samples(huge, "", "socktally_window") == "socktally_window_seconds{by=\"process\"} 61.000000007\n");
    CHECK(samples(huge, "", "socktally_complete") == "socktally_complete{by=\"process\"} 0\n");
}

TEST_CASE("each reason for which a figure may be short is a series")
{
    Report partial = report({row(1, "a", 1, 1)});
    partial.notes = {{NoteCode::udp_bytes, "no UDP"},
                     {NoteCode::container_names, "one has none"},
                     {NoteCode::counters_reset, "one"},
                     {NoteCode::counters_reset, "another"}};
    CHECK(samples(partial, "", "socktally_note") == "socktally_note{code=\"counters-reset\",by=\"process\"} 1\n"
                                                    "socktally_note{code=\"udp-bytes\",by=\"process\"} 1\n");
    CHECK(prom(report({}), "").find("socktally_note") == std::string::npos);
}

TEST_CASE("what is said of the sample as a whole names the file")
{
    Report partial = report({row(1, "a", 1, 1)});
    partial.notes = {{NoteCode::udp_bytes, "no UDP"}};
    const std::string text = prom(partial, "", "a\"b\\c\nd.prom");
    const std::string labels = "by=\"process\",file=\"a\\\"b\\\\c\\nd.prom\"} ";
    for (const std::string begin :
         {"socktally_window_seconds{", "socktally_complete{", "socktally_note{code=\"udp-bytes\","}) {
        CHECK(text.find("\n" + begin + labels) != std::string::npos);
    }
    CHECK(text.find("socktally_receive_bytes{process=\"a\"} 1\n") != std::string::npos);
}

TEST_CASE("what is not known has no sample, and a metric without samples no head")
{
    Row dark = row(1, "dns", std::nullopt, std::nullopt);
    dark.unknown_connections = 1;
    const std::string text = prom(report({dark}), "");
    CHECK(text.find("receive_bytes") == text.npos);
    CHECK(text.find("socktally_unknown_connections{process=\"dns\"} 1\n") != text.npos);
}

TEST_CASE("rows with the same labels are one series, unknown bytes are not 0")
{
    Row dark = row(2, "nginx", std::nullopt, 4);
    dark.unknown_connections = 1;
    const Report three = report({row(1, "nginx", 5, 6), dark, row(3, "nginx", 7, 8)});
    CHECK(samples(three, "", "socktally_r") == "socktally_receive_bytes{process=\"nginx\"} 12\n");
    CHECK(samples(three, "", "socktally_t") == "socktally_transmit_bytes{process=\"nginx\"} 18\n");
    CHECK(samples(three, "", "socktally_u") == "socktally_unknown_connections{process=\"nginx\"} 1\n");
    CHECK(samples(three, "+pid", "socktally_r") == "socktally_receive_bytes{process=\"nginx\",pid=\"1\"} 5\n"
                                                   "socktally_receive_bytes{process=\"nginx\",pid=\"3\"} 7\n");
    CHECK(samples(three, "rx_bytes", "socktally_r") == "socktally_receive_bytes 12\n");
}

TEST_CASE("names that are written the same way are one series")
{
    const Report two = report({row(1, "a\tb", 1, 0), row(2, "a\\tb", 2, 0), row(3, "", 4, 0)});
    CHECK(samples(two, "", "socktally_r") == "socktally_receive_bytes{process=\"a\\\\tb\"} 3\n"
                                             "socktally_receive_bytes 4\n");
}

TEST_CASE("a process that takes the name of a cause or of the rest is not taken for it")
{
    Row cause = row(0, "[exited]", 1, 0);
    cause.pid.reset();
    cause.kind = RowKind::cause;
    Report result = report({row(1, "[exited]", 2, 0), cause, row(2, "other", 4, 0), row(3, "x", 8, 0)});
    keep_top(result.rows, 3);
    CHECK(samples(result, "", "socktally_r") == "socktally_receive_bytes{process=\"[exited]\"} 2\n"
                                                "socktally_receive_bytes{process=\"[exited]\",kind=\"cause\"} 1\n"
                                                "socktally_receive_bytes{process=\"other\"} 4\n"
                                                "socktally_receive_bytes{process=\"other\",kind=\"other\"} 8\n");
    CHECK(samples(result, "kind", "socktally_r") == "socktally_receive_bytes{kind=\"process\"} 6\n"
                                                    "socktally_receive_bytes{kind=\"cause\"} 1\n"
                                                    "socktally_receive_bytes{kind=\"other\"} 8\n");
}

TEST_CASE("the series of a unit does not depend on which of its processes moved bytes")
{
    Row cause = row(0, "[kernel]", 2, 0);
    cause.kind = RowKind::cause;
    Report units = report({named(row(1, "cron", 1, 0), "cron.service", "root"), cause});
    units.by = GroupBy("unit");
    CHECK(samples(units, "", "socktally_r") == "socktally_receive_bytes{unit=\"cron.service\"} 1\n"
                                               "socktally_receive_bytes{process=\"[kernel]\",kind=\"cause\"} 2\n");
    Row socket = named(row(0, "[exited]", 4, 0), "ssh.service", "root");
    socket.kind = RowKind::cause;
    socket.attribution = Quality::socket;
    units.rows = {socket};
    CHECK(samples(units, "", "socktally_r") == "socktally_receive_bytes{unit=\"ssh.service\"} 4\n");
}

TEST_CASE("totals that only grow are counters")
{
    Report growing = report({row(1, "not in a series", 1, 2)});
    growing.cumulative = true;
    CHECK(samples(growing, "process,rx_bytes", "socktally_receive").empty());
    growing.series = {{{{"process", "a"}}, 1, 2, 1}};
    const std::string text = prom(growing, "process,rx_bytes,connections");
    CHECK(text.find("# TYPE socktally_receive_bytes_total counter\nsocktally_receive_bytes_total{process=\"a\"} 1\n") !=
          text.npos);
    CHECK(text.find("# TYPE socktally_connections gauge\nsocktally_connections{process=\"a\"} 1\n") != text.npos);
}

TEST_CASE("series that grow from run to run are in place of the rows")
{
    Report growing = report({row(1, "a", 1, 2)});
    growing.cumulative = true;
    growing.series = {{{{"process", "a"}}, 10, 20, 2, 1}, {{{"process", "gone \"b\""}}, 30, 40, 0}};
    CHECK(samples(growing, "process,unknown_connections", "socktally_unknown") ==
          "socktally_unknown_connections{process=\"a\"} 1\n"
          "socktally_unknown_connections{process=\"gone \\\"b\\\"\"} 0\n");
    CHECK(samples(growing, "process,rx_bytes", "socktally_r") ==
          "socktally_receive_bytes_total{process=\"a\"} 10\n"
          "socktally_receive_bytes_total{process=\"gone \\\"b\\\"\"} 30\n");
}

TEST_CASE("what interfaces moved has names of its own")
{
    Report result = report({});
    result.by = GroupBy("interface");
    result.rows = rows_of({{"eth0", 1, 2, 3, 4}}, false);
    CHECK(samples(result, "", "socktally_interface_") ==
          "socktally_interface_receive_bytes{interface=\"eth0\"} 1\n"
          "socktally_interface_transmit_bytes{interface=\"eth0\"} 2\n"
          "socktally_interface_receive_packets{interface=\"eth0\"} 3\n"
          "socktally_interface_transmit_packets{interface=\"eth0\"} 4\n");
}

TEST_CASE("every figure has a metric, no label has one")
{
    constexpr std::array<std::string_view, 4> counts{"lookups", "answered", "failed", "retries"};
    for (const Column& column : columns()) {
        const bool is_figure = column.unit.starts_with("bytes") || is_rate(column) || column.unit == "packets" ||
                               column.unit == "percent" || column.unit == "microseconds" || column.unit == "seconds" ||
                               column.name.ends_with("connections") ||
                               std::count(counts.begin(), counts.end(), column.name) != 0;
        CHECK_MESSAGE(is_figure == !column.metric.empty(), column.name);
    }
}

TEST_CASE("a label holds any name")
{
    CHECK(label_of("plain-1.2") == "plain-1.2");
    CHECK(label_of("a\nb") == "a\\nb");
    CHECK(label_of("say \"hi\"") == "say \\\"hi\\\"");
    CHECK(label_of("a\\b\\") == "a\\\\b\\\\");
    CHECK(label_of("a\tb\r\x1b\x7f") == "a\\\\tb\\\\r\\\\x1b\\\\x7f");
    CHECK(label_of("\xc2\x85") == "\\\\xc2\\\\x85");
    CHECK(label_of("\xff\xf0\x9f") == "\\\\xff\\\\xf0\\\\x9f");
    CHECK(label_of("\xf0\x9f\x98\x80 {x=\"y\"} 1") == "\xf0\x9f\x98\x80 {x=\\\"y\\\"} 1");
}
