// SPDX-License-Identifier: MIT
// What run_sample() leaves on standard output, in a file and as exit code, with --alert and --output-file.
#include "commands/output.hpp"
#include "commands/commands.hpp"
#include "temp_directory.hpp"
#include "unit/build_sample.hpp"
#include "unit/captured_output.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

using namespace socktally;
using namespace socktally::test;

namespace {

/// alpha received 1000 bytes in a second, beta 10.
class FakeBackend final : public Backend {
public:
    explicit FakeBackend(bool complete) : complete_(complete) {}
    BackendResult sample(const SampleRequest&) override
    {
        BackendResult result;
        Sample& sample = result.sample;
        sample.duration = std::chrono::seconds(1);
        sample.backend = "fake";
        sample.processes = {process(10, 1, "alpha"), process(20, 2, "beta")};
        sample.holders = {{Inode{1}, 0}, {Inode{2}, 1}};
        sample.flows = {flow(1000, 0), flow(10, 0)};
        sample.flows[0].inode = Inode{1};
        sample.flows[1].inode = Inode{2};
        if (!complete_) {
            sample.notes = {{NoteCode::events_lost, "half of it is missing"}};
        }
        return result;
    }
    std::string variant() const override { return ""; }
    std::vector<Note> limits() const override { return {}; }

private:
    bool complete_;
};

OpenResult sees_all(const BackendOptions&) { return std::make_unique<FakeBackend>(true); }
OpenResult sees_half(const BackendOptions&) { return std::make_unique<FakeBackend>(false); }

struct Outcome {
    Exit exit;
    std::string output;
};

Outcome run(Options options, OpenResult (*open)(const BackendOptions&) = sees_all)
{
    options.columns = "process,rx_bytes";
    options.header = false;
    options.quiet = true;
    const std::vector<BackendEntry> table{{"fake", "nothing", open}};
    const CapturedOutput output;
    const Exit exit = run_sample(options, table);
    return {exit, output.text()};
}

Options alerting(std::vector<std::string> alerts)
{
    Options options;
    options.alerts = std::move(alerts);
    return options;
}

std::string content(const std::filesystem::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

} // namespace

TEST_CASE("rows that match any alert are printed, and the exit code says that there are some")
{
    const Outcome one = run(alerting({"rx_bytes_per_sec>=1K"}));
    CHECK(one.exit == Exit::alerted);
    CHECK(one.output == "alpha\t1000\n");
    CHECK(run(alerting({"rx_bytes_per_sec>1K", "share<1"})).output == "beta\t10\n");
    CHECK(run(alerting({"share>99", "rx_bytes=10"})).output == "alpha\t1000\nbeta\t10\n");
}

TEST_CASE("alerts that no row gives cause to are silence")
{
    for (const Format* format : {find_format("tsv"), find_format("csv"), find_format("json"), find_format("jsonl"),
                                 find_format("pretty"), find_format("prom")}) {
        Options options = alerting({"rx_bytes>1G"});
        options.format = format;
        options.header = true;
        const Outcome none = run(options);
        CHECK(none.exit == Exit::ok);
        CHECK(none.output.empty());
    }
}

TEST_CASE("a filter that no process answers is told of beside the rows, and not where an alert is silent")
{
    Report report;
    report.notes = {{NoteCode::filter_unmatched, "no process seen here is called \"x\""}};
    OutputPlan plan;
    Options options;
    const std::vector<std::string> told{report.notes[0].message};
    plan.format = find_format("tsv");
    CHECK(note_lines(report, plan, options, false) == told);
    plan.format = find_format("json"); // it is in the document
    CHECK(note_lines(report, plan, options, false).empty());
    plan.format = find_format("tsv");
    plan.alerts = {parse_alert("rx_bytes>1")};
    CHECK(note_lines(report, plan, options, false).empty());
    options.verbose = true;
    CHECK(note_lines(report, plan, options, false) == told);
}

TEST_CASE("if there is no row, people at a terminal are told why, unless the format says so or an alert is silent")
{
    Report report;
    report.hint = "no traffic";
    const auto lines = [&](std::string_view format, bool to_terminal, bool quiet = false) {
        OutputPlan plan;
        plan.format = find_format(format);
        Options options;
        options.quiet = quiet;
        return note_lines(report, plan, options, to_terminal);
    };
    for (const std::string_view format : {"tsv", "csv", "jsonl"}) {
        CHECK(lines(format, true) == std::vector<std::string>{"no traffic"});
        CHECK(lines(format, false).empty());
        CHECK(lines(format, true, true).empty());
    }
    for (const std::string_view format : {"pretty", "json", "prom", "influx"}) {
        CHECK(lines(format, true).empty());
    }
    OutputPlan alerting;
    alerting.format = find_format("tsv");
    alerting.alerts = {parse_alert("rx_bytes>1")};
    CHECK(note_lines(report, alerting, {}, true).empty());
    report.rows.emplace_back();
    CHECK(lines("tsv", true).empty());
}

TEST_CASE("a row that alerts says more than that the sample is not complete; without one it is not complete")
{
    Options options = alerting({"rx_bytes>=1K"});
    options.strict = true;
    CHECK(run(options, sees_half).exit == Exit::alerted);
    options.alerts = {"rx_bytes>1K"};
    const Outcome none = run(options, sees_half);
    CHECK(none.exit == Exit::incomplete);
    CHECK(none.output.empty());
    options.strict = false;
    CHECK(run(options, sees_half).exit == Exit::ok);
}

TEST_CASE("without a window an alert on a rate is refused")
{
    Options options = alerting({"rx_bytes_per_sec>1"});
    options.duration = std::chrono::nanoseconds(0);
    CHECK_THROWS_AS(run(options), UsageError);
    options.alerts = {"rx_bytes>1K"};
    CHECK(run(options).exit == Exit::ok);
}

TEST_CASE("alerts look at rows before the rest is summed, and the rest is of those that alert")
{
    Options options = alerting({"rx_bytes>=10"});
    options.top = 1;
    CHECK(run(options).output == "alpha\t1000\nother\t10\n");
    options.alerts = {"rx_bytes=10"};
    CHECK(run(options).output == "beta\t10\n");
}

TEST_CASE("the document of an alert has its rows only, and the totals of all")
{
    Options options = alerting({"rx_bytes=10"});
    options.format = find_format("json");
    const Outcome outcome = run(options);
    CHECK(outcome.output.find("\"totals\":{\"rx_bytes\":1010,") != std::string::npos);
    CHECK(outcome.output.find("\"processes\":[\n{\"process\":\"beta\",\"rx_bytes\":10}\n]") != std::string::npos);
}

TEST_CASE("an alert that cannot be is wrong usage") { CHECK_THROWS_AS(run(alerting({"rx_bytes>lots"})), UsageError); }

TEST_CASE("output goes to the file and nowhere else")
{
    const TempDirectory directory;
    Options options;
    options.output_file = directory.path() / "out.tsv";
    const Outcome outcome = run(options);
    CHECK(outcome.exit == Exit::ok);
    CHECK(outcome.output.empty());
    CHECK(content(*options.output_file) == "alpha\t1000\nbeta\t10\n");
    options.alerts = {"rx_bytes>1G"};
    CHECK(run(options).exit == Exit::ok);
    CHECK(content(*options.output_file).empty()); // the rows of the run before are no alert of this one
}

TEST_CASE("two text files for Prometheus have no series in common")
{
    const TempDirectory directory;
    Options options;
    options.format = find_format("prom");
    std::set<std::string> series;
    std::size_t lines = 0;
    for (const char* name : {"alpha", "beta"}) {
        options.filter = filter_of({std::string("name=") + name});
        options.output_file = directory.path() / (std::string(name) + ".prom");
        run(options, sees_half);
        std::istringstream text(content(*options.output_file));
        for (std::string line; std::getline(text, line);) {
            if (!line.starts_with('#')) {
                ++lines;
                series.insert(line.substr(0, line.rfind(' ')));
            }
        }
    }
    CHECK(series.size() == lines);
    CHECK(series.contains("socktally_complete{by=\"process\",file=\"beta.prom\"}"));
    CHECK(series.contains("socktally_note{code=\"events-lost\",by=\"process\",file=\"alpha.prom\"}"));
}

TEST_CASE("of several windows each takes the place of the one before, and one that alerts is enough")
{
    const TempDirectory directory;
    Options options = alerting({"rx_bytes>=1K"});
    options.output_file = directory.path() / "out.tsv";
    options.count = 3;
    CHECK(run(options).exit == Exit::alerted);
    CHECK(content(*options.output_file) == "alpha\t1000\n");
    options.output_file.reset();
    CHECK(run(options).output == "alpha\t1000\nalpha\t1000\nalpha\t1000\n");
}
