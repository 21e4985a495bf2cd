// SPDX-License-Identifier: MIT
#include "formats/format.hpp"
#include "table/merge.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace socktally;
using namespace socktally::test;

namespace {

std::string tsv(const Report& report, std::string_view columns, bool header = true)
{
    std::string out;
    find_format("tsv")->render(out, report, select_columns(columns, {}), {.header = header});
    return out;
}

std::string csv(const Report& report, std::string_view columns, bool header = true)
{
    std::string out;
    find_format("csv")->render(out, report, select_columns(columns, {}), {.header = header});
    return out;
}

std::string csv_field(std::string name)
{
    std::string line = csv(report({row(1, std::move(name), 1, 1)}), "process", false);
    line.pop_back();
    return line;
}

} // namespace

TEST_CASE("TSV is a header and a line a row, null is empty")
{
    Row nobody = row(0, "[exited]", 5, std::nullopt);
    nobody.pid.reset();
    const Report two = report({row(12, "curl", std::numeric_limits<std::uint64_t>::max(), 0), nobody});
    CHECK(tsv(two, "pid,process,rx_bytes,tx_bytes") == "pid\tprocess\trx_bytes\ttx_bytes\n"
                                                       "12\tcurl\t18446744073709551615\t0\n"
                                                       "\t[exited]\t5\t\n");
    CHECK(tsv(two, "process", false) == "curl\n[exited]\n");
    CHECK(tsv(report({}), "pid,uid") == "pid\tuid\n");
    CHECK(tsv(report({}), "pid,uid", false) == "");
}

TEST_CASE("the row of the rest says so in the column of its key")
{
    Report result = report({row(1, "a", 1, 1)});
    result.by = GroupBy("user");
    keep_top(result.rows, 0);
    CHECK(tsv(result, "user,uid", false) == "other\t\n");
    CHECK(csv(result, "user,uid", false) == "other,\n");
}

TEST_CASE("a hostile name cannot add a field or a line")
{
    const Report hostile = report({row(1, "a\tb\nc\xff\x1b", 1, 1)});
    CHECK(tsv(hostile, "process,pid", false) == "a\\tb\\nc\\xff\\x1b\t1\n");
    CHECK(csv(hostile, "process,pid", false) == "a\\tb\\nc\\xff\\x1b,1\n");
}

TEST_CASE("a field that is alone and empty is no empty line in CSV")
{
    const Report two = report({row(1, "", 1, std::nullopt), row(2, "b", 1, 1)});
    CHECK(csv(two, "tx_bytes") == "tx_bytes\n\"\"\n1\n");
    CHECK(csv(two, "process", false) == "\"\"\nb\n");
    CHECK(csv(two, "process,tx_bytes", false) == ",\nb,1\n");
    CHECK(tsv(two, "tx_bytes", false) == "\n1\n");
}

TEST_CASE("CSV quotes what RFC 4180 wants quoted")
{
    CHECK(csv(report({row(1, "a", 1, std::nullopt)}), "pid,process,tx_bytes") == "pid,process,tx_bytes\n1,a,\n");
    CHECK(csv_field("plain") == "plain");
    CHECK(csv_field("a,b") == "\"a,b\"");
    CHECK(csv_field("say \"hi\"") == "\"say \"\"hi\"\"\"");
    CHECK(csv_field("\"") == "\"\"\"\"");
    CHECK(csv_field(" a") == "\" a\"");
    CHECK(csv_field("a ") == "\"a \"");
    CHECK(csv_field("a b") == "a b");
    CHECK(csv_field("a\r\nb,") == "\"a\\r\\nb,\"");
    CHECK(csv_field("") == "\"\"");
}
