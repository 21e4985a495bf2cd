// SPDX-License-Identifier: MIT
// What a JSON parser that is not ours reads back, and that the installed schema knows every column.
#include "formats/format.hpp"
#include "table/merge.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <algorithm>
#include <limits>

using namespace socktally;
using namespace socktally::test;
using simdjson::dom::element;

namespace {

std::string json_text(const Report& report)
{
    std::string out;
    find_format("json")->render(out, report, all_columns(report.by), {});
    return out;
}

std::vector<std::string> keys_of(const element& object)
{
    std::vector<std::string> keys;
    for (const auto& field : object.get_object())
        keys.emplace_back(field.key);
    return keys;
}

Report full_report()
{
    Row curl = row(123, "curl", std::numeric_limits<std::uint64_t>::max(), 0);
    curl.user = "alice";
    curl.uid = Uid{1000};
    curl.start_time = StartTime{77};
    Row nobody = row(0, "[exited]", std::nullopt, 3);
    nobody.pid.reset();
    nobody.attribution = Quality::unknown;
    Report result = report({curl, nobody});
    result.complete = false;
    result.notes = {{NoteCode::udp_bytes, "UDP \"bytes\" are unknown", "run as root"},
                    {NoteCode::packets_malformed, "fine"}};
    result.totals = {10, 20, 1, 2, 3};
    result.interfaces = {{"eth0", 5, 6}};
    return result;
}

} // namespace

TEST_CASE("the JSON document has the fields of the contract, in its order")
{
    const std::string text = json_text(full_report());
    CHECK(text.back() == '\n');
    CHECK(text[text.size() - 2] == '}');
    simdjson::dom::parser parser;
    const element document = parser.parse(text);
    CHECK(keys_of(document) == std::vector<std::string>{"schema", "host", "boot_id", "started_at", "duration_ns",
                                                        "backend", "layer", "complete", "by", "notes", "totals",
                                                        "processes", "interfaces"});
    CHECK(document["schema"].get_string().value() == "socktally/1");
    CHECK(document["host"].get_string().value() == "box");
    CHECK(document["boot_id"].get_string().value() == "0f3c");
    CHECK(document["started_at"].get_string().value() == "2026-11-20T21:32:00.123456Z");
    CHECK(document["duration_ns"].get_uint64().value() == 1000000000);
    CHECK(document["backend"].get_string().value() == "netlink");
    CHECK(document["layer"].get_string().value() == "payload");
    CHECK(document["complete"].get_bool().value() == false);
    CHECK(document["by"].get_string().value() == "process");
    CHECK(document["totals"]["rx_bytes"].get_uint64().value() == 10);
    CHECK(document["totals"]["tx_bytes"].get_uint64().value() == 20);
    CHECK(document["totals"]["unattributed_rx_bytes"].get_uint64().value() == 1);
    CHECK(document["totals"]["unattributed_tx_bytes"].get_uint64().value() == 2);
    CHECK(document["totals"]["unknown_connections"].get_uint64().value() == 3);
    CHECK(document["interfaces"].at(0)["name"].get_string().value() == "eth0");
    CHECK(document["interfaces"].at(0)["tx_bytes"].get_uint64().value() == 6);
    CHECK(document["notes"].at(0)["code"].get_string().value() == "udp-bytes");
    CHECK(document["notes"].at(0)["message"].get_string().value() == "UDP \"bytes\" are unknown");
    CHECK(document["notes"].at(0)["remedy"].get_string().value() == "run as root");
    CHECK(document["notes"].at(0)["incomplete"].get_bool().value() == true);
    CHECK(document["notes"].at(1)["remedy"].is_null());

    const element curl = document["processes"].at(0);
    CHECK(keys_of(curl) == std::vector<std::string>{"pid", "process", "kind", "start_time", "user", "uid", "rx_bytes",
                                                    "tx_bytes", "rx_bytes_per_sec", "tx_bytes_per_sec", "share",
                                                    "connections", "unknown_connections", "attribution"});
    CHECK(curl["pid"].get_uint64().value() == 123);
    CHECK(curl["rx_bytes"].get_uint64().value() == std::numeric_limits<std::uint64_t>::max());
    CHECK(curl["tx_bytes"].get_uint64().value() == 0);
    CHECK(curl["user"].get_string().value() == "alice");
    const element nobody = document["processes"].at(1);
    CHECK(nobody["pid"].is_null());
    CHECK(nobody["rx_bytes"].is_null());
    CHECK(nobody["process"].get_string().value() == "[exited]");
    CHECK(nobody["attribution"].get_string().value() == "unknown");
}

TEST_CASE("unknown totals are null, and so is the attribution of the rest")
{
    Report result = report({row(1, "a", std::nullopt, std::nullopt), row(2, "b", std::nullopt, std::nullopt)});
    result.totals = {std::nullopt, std::nullopt, 0, std::nullopt, 2};
    keep_top(result.rows, 1);
    const std::string text = json_text(result);
    CHECK(text.find("\"totals\":{\"rx_bytes\":null,\"tx_bytes\":null,\"unattributed_rx_bytes\":0,"
                    "\"unattributed_tx_bytes\":null,\"unknown_connections\":2}") != std::string::npos);
    simdjson::dom::parser parser;
    const element rest = parser.parse(text)["processes"].at(1);
    CHECK(rest["kind"].get_string().value() == "other");
    CHECK(rest["attribution"].is_null());
}

TEST_CASE("one row a line, and an empty sample is a document too")
{
    Report result = report({});
    result.duration = std::chrono::nanoseconds(0);
    result.host.clear();
    const std::string text = json_text(result);
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    simdjson::dom::parser parser;
    const element document = parser.parse(text);
    CHECK(document["processes"].get_array().value().size() == 0);
    CHECK(document["interfaces"].get_array().value().size() == 0);
    CHECK(document["duration_ns"].get_uint64().value() == 0);
    CHECK(document["host"].is_null());
    CHECK(json_text(report({row(1, "a", 1, 1), row(2, "b", 1, 1)})).find("},\n{\"pid\":2,") != std::string::npos);
}

TEST_CASE("the rows' array is named after the grouping")
{
    std::vector<std::string> all{"user,port"};
    for (const Key& key : keys()) {
        all.emplace_back(key.name);
    }
    for (const std::string& names : all) {
        Report result = report({row(1, "a", 1, 1), row(2, "b", 1, 1)});
        result.by = GroupBy(names);
        keep_top(result.rows, 1);
        const std::string text = json_text(result);
        simdjson::dom::parser parser;
        const element document = parser.parse(text);
        const element rows = document[result.by.array()];
        CHECK(document["by"].get_string().value() == names);
        CHECK(rows.at(0)["rx_bytes"].get_uint64().value() == 1);
        CHECK(rows.at(1)[names == "interface" ? "interface" : "process"].get_string().value() == "other");
        CHECK(rows.at(1)["user"].is_string() == result.by.has("user"));
        CHECK(document["layer"].get_string().value() == (names == "interface" ? "link" : "payload"));
    }
}

TEST_CASE("hostile names stay valid JSON and keep their text")
{
    const std::vector<std::pair<std::string, std::string>> names = {
        {"a\tb\nc", "a\tb\nc"},
        {"\"},{\"pid\":1", "\"},{\"pid\":1"},
        {"\x1b[31m", "\x1b[31m"},
        {"\xff\xfe", "\\xff\\xfe"},
        {"cut\xe2\x82", "cut\\xe2\\x82"},
        {"\xc0\xaf", "\\xc0\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xc2\x9b", "\xc2\x9b"},
        {"\xe2\x80\xae", "\xe2\x80\xae"},
        {"back\\slash", "back\\slash"},
    };
    for (const auto& [raw, expected] : names) {
        const std::string text = json_text(report({row(1, raw, 1, 1)}));
        CHECK(std::none_of(text.begin(), text.end(), [](char c) { return c == '\x1b' || c == '\t'; }));
        simdjson::dom::parser parser;
        const element document = parser.parse(text); // throws where it is not valid JSON or not valid UTF-8
        CHECK(document["processes"].at(0)["process"].get_string().value() == expected);
    }
}

TEST_CASE("JSON lines are flat objects that each stand alone")
{
    std::string out;
    find_format("jsonl")->render(out, full_report(), select_columns("pid,rx_bytes", {}), {});
    CHECK(out == "{\"ts\":\"2026-11-20T21:32:00.123456Z\",\"host\":\"box\",\"boot_id\":\"0f3c\",\"duration_ns\":"
                 "1000000000,\"backend\":\"netlink\","
                 "\"complete\":false,\"by\":\"process\",\"pid\":123,\"rx_bytes\":18446744073709551615}\n"
                 "{\"ts\":\"2026-11-20T21:32:00.123456Z\",\"host\":\"box\",\"boot_id\":\"0f3c\",\"duration_ns\":"
                 "1000000000,\"backend\":\"netlink\","
                 "\"complete\":false,\"by\":\"process\",\"pid\":null,\"rx_bytes\":null}\n");
    out.clear();
    find_format("jsonl")->render(out, report({}), select_columns("pid", {}), {});
    CHECK(out == "");
}

TEST_CASE("the schema describes every column with its type, and every grouping")
{
    simdjson::dom::parser parser;
    const element schema = parser.load(SCHEMA_FILE);
    const element properties = schema["$defs"]["row"]["properties"];
    std::vector<std::string> expected;
    for (const Column& column : columns()) {
        expected.emplace_back(column.name);
        const element property = properties[column.name];
        const std::string text = simdjson::minify(property);
        const bool is_integer =
            text.find("\"integer\"") != std::string::npos || text.find("#/$defs/count") != std::string::npos;
        CHECK_MESSAGE(is_integer == (column.type == CellType::integer), column.name);
    }
    CHECK(keys_of(properties) == expected);
    for (const Key& key : keys()) {
        const element place = key.name == "interface" ? schema["then"] : schema; // without it they are a short list
        CHECK(place["properties"][key.plural]["$ref"].get_string().value() == "#/$defs/rows");
    }
    const element totals = schema["$defs"]["totals"];
    simdjson::dom::parser totals_parser;
    const std::string with_totals = json_text(full_report());
    const auto printed = keys_of(totals_parser.parse(with_totals)["totals"]);
    CHECK(keys_of(totals["properties"]) == printed);
    CHECK(totals["required"].get_array().value().size() == printed.size());
    CHECK(schema["properties"]["by"]["examples"].get_array().value().size() == keys().size() + 1);

    const std::string text = json_text(full_report());
    simdjson::dom::parser document_parser;
    for (const std::string& key : keys_of(document_parser.parse(text)))
        CHECK_MESSAGE(schema["properties"][key].error() == simdjson::SUCCESS, key);
}
