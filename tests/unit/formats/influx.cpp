// SPDX-License-Identifier: MIT
#include "formats/format.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr std::string_view rest = ",duration_ns=1000000000i,complete=true 1763674321123456000\n";

std::string influx(const Report& report, std::string_view columns)
{
    std::string out;
    find_format("influx")->render(out, report, select_columns(columns, series_columns(report.by)), {});
    return out;
}

std::string line(std::string_view beginning) { return std::string(beginning).append(rest); }

Report report_of_2025(std::vector<Row> rows)
{
    using namespace std::chrono;
    Report result = report(std::move(rows));
    result.started_at = system_clock::time_point(seconds(1763674320) + microseconds(123456));
    return result;
}

std::string tag_of(std::string name)
{
    const std::string text = influx(report_of_2025({row(1, std::move(name), 1, 1)}), "process,rx_bytes");
    const auto begin = text.find("process=") + 8;
    return text.substr(begin, text.rfind(" rx_bytes=") - begin);
}

} // namespace

TEST_CASE("a point is measurement, tags, fields and the end of the window")
{
    Row dark = row(2, "dns", std::nullopt, 3);
    dark.unknown_connections = 1;
    const Report two = report_of_2025({row(1, "curl", 5, 6), dark});
    CHECK(influx(two, "") == line("socktally,host=box,process=curl rx_bytes=5i,tx_bytes=6i,unknown_connections=0i") +
                                 line("socktally,host=box,process=dns tx_bytes=3i,unknown_connections=1i"));
    CHECK(influx(two, "rx_bytes") == line("socktally,host=box rx_bytes=5i"));
    CHECK(influx(report_of_2025({}), "").empty());
}

TEST_CASE("a window that ends past the last time ends at it")
{
    Report result = report_of_2025({row(1, "curl", 5, 6)});
    result.duration = std::chrono::nanoseconds::max();
    CHECK(influx(result, "rx_bytes") ==
          "socktally,host=box rx_bytes=5i,duration_ns=9223372036854775807i,complete=true 9223372036854775807\n");
}

TEST_CASE("a point always has a field, and a tag always text")
{
    Report result = report_of_2025({row(1, "", std::nullopt, std::nullopt)});
    result.host.clear();
    result.complete = false;
    CHECK(influx(result, "process,rx_bytes") ==
          "socktally duration_ns=1000000000i,complete=false 1763674321123456000\n");
}

TEST_CASE("host is one tag, and time is the point's own")
{
    Report result = report_of_2025({row(1, "a", 1, 0)});
    result.rows[0].host = "box";
    result.rows[0].time = result.started_at;
    CHECK(influx(result, "time,host,rx_bytes") == line("socktally,host=box rx_bytes=1i"));
}

TEST_CASE("a row of a report is at the end of its own windows, and in a piece of it at the beginning of that")
{
    Report result = report_of_2025({row(1, "a", 1, 0), row(2, "a", 2, 0)});
    result.rows[0].until = TimePoint(std::chrono::seconds(5));
    result.rows[1].until = TimePoint(std::chrono::seconds(9));
    for (Row& row : result.rows) {
        row.window = std::chrono::nanoseconds(7);
    }
    CHECK(influx(result, "process,rx_bytes") ==
          "socktally,host=box,process=a rx_bytes=3i,duration_ns=7i,complete=true 9000000000\n");
    result.per = Per::hour;
    result.rows[0].time = TimePoint(std::chrono::hours(1));
    result.rows[1].time = TimePoint(std::chrono::hours(2));
    result.rows[1].window = std::chrono::nanoseconds(0); // not known
    CHECK(influx(result, "process,rx_bytes") ==
          "socktally,host=box,process=a rx_bytes=1i,duration_ns=7i,complete=true 3600000000000\n"
          "socktally,host=box,process=a rx_bytes=2i,complete=true 7200000000000\n");
}

TEST_CASE("integers are signed there: what is larger sticks at the top")
{
    constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();
    const Report huge = report_of_2025({row(1, "a", top / 2, top / 2 + 1)});
    CHECK(influx(huge, "process,rx_bytes,tx_bytes") ==
          line("socktally,host=box,process=a rx_bytes=9223372036854775807i,tx_bytes=9223372036854775807i"));
}

TEST_CASE("points with the same tags would overwrite each other: they are added up")
{
    const Report two = report_of_2025({row(1, "a\nb", 1, 0), row(2, "a\\nb", 2, 0), row(3, "c", 4, 0)});
    CHECK(influx(two, "process,rx_bytes") ==
          line("socktally,host=box,process=a\\nb rx_bytes=3i") + line("socktally,host=box,process=c rx_bytes=4i"));
}

TEST_CASE("what interfaces moved is a measurement of its own")
{
    Report result = report_of_2025({});
    result.by = GroupBy("interface");
    result.rows = rows_of({{"eth0", 1, 2, 3, 4}}, false);
    CHECK(influx(result, "") ==
          line("socktally_interface,host=box,interface=eth0 rx_bytes=1i,tx_bytes=2i,rx_packets=3i,tx_packets=4i"));
}

TEST_CASE("a tag holds any name")
{
    CHECK(tag_of("plain-1.2") == "plain-1.2");
    CHECK(tag_of("a b,c=d") == "a\\ b\\,c\\=d");
    CHECK(tag_of("say \"hi\"") == "say\\ \"hi\"");
    CHECK(tag_of("a\nb\tc\r") == "a\\nb\\tc\\r");
    CHECK(tag_of("\x1b[31m\x7f") == "\\x1b[31m\\x7f");
    CHECK(tag_of("\xff\xf0\x9f") == "\\xff\\xf0\\x9f");
    CHECK(tag_of("\xf0\x9f\x98\x80") == "\xf0\x9f\x98\x80");
    CHECK(tag_of("a\\b") == "a\\b");
    CHECK(tag_of("a\\") == "a\\x5c");
    CHECK(tag_of("a\\,host=evil") == "a\\x5c\\,host\\=evil");
    CHECK(tag_of("a\\\\b") == "a\\x5c\\b");
    CHECK(tag_of("a\\\n") == "a\\x5c\\n");
    CHECK(tag_of("#") == "#");
}
