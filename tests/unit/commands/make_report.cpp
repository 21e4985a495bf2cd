// SPDX-License-Identifier: MIT
// From a sample and options to text: attribution, filters, rows, totals and formats together.
#include "commands/make_report.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr std::uint32_t nameless_user = 4000000000; // nobody's, so that its name is its number

Flow held(std::uint64_t inode, std::optional<std::uint64_t> rx, std::optional<std::uint64_t> tx)
{
    Flow result = flow(rx, tx);
    result.inode = Inode{inode};
    return result;
}

/// Two processes with one connection each, one connection without owner, and one that has not moved a byte.
BackendResult result_of_a_window()
{
    BackendResult result;
    Sample& sample = result.sample;
    sample.started_at = report({}).started_at;
    sample.duration = std::chrono::seconds(2);
    sample.backend = "fake";
    sample.processes = {process(10, 1, "alpha", Uid{nameless_user}), process(20, 2, "beta", Uid{0}),
                        process(30, 3, "idle", Uid{0})};
    sample.holders = {{Inode{1}, 0}, {Inode{2}, 1}, {Inode{3}, 2}};
    sample.flows = {held(1, 100, 200), held(2, 1000, 0), held(3, 0, 0), held(99, 5, 6)};
    sample.interfaces = {{"eth0", 7, 8}};
    return result;
}

Report report_with(const Options& options, BackendResult result = result_of_a_window())
{
    Identifier nobody({});
    const OutputPlan plan = make_output_plan(options, false, 80);
    find_owners(result.sample, result.viewer, options, plan, options.filter, nobody);
    return make_report(std::move(result.sample), options, plan, options.filter, nobody);
}

std::string tsv_with(Options options, BackendResult result = result_of_a_window())
{
    options.format = find_format("tsv");
    options.columns = "pid,process,rx_bytes,tx_bytes";
    options.header = false;
    return render(report_with(options, std::move(result)), make_output_plan(options, false, 80));
}

} // namespace

TEST_CASE("the facts of the sample are those of the report")
{
    const Report report = report_with({});
    CHECK(report.duration == std::chrono::seconds(2));
    CHECK(report.backend == "fake");
    CHECK(report.complete);
    CHECK(report.notes.empty());
    CHECK(report.totals.rx_bytes == 1105);
    CHECK(report.totals.tx_bytes == 206);
    CHECK(report.totals.unattributed_rx_bytes == 5);
    CHECK(report.totals.unattributed_tx_bytes == 6);
    REQUIRE(report.interfaces.size() == 1);
    CHECK(report.interfaces[0].name == "eth0");
}

TEST_CASE("rows are attributed, sorted and named")
{
    CHECK(tsv_with({}) == "20\tbeta\t1000\t0\n10\talpha\t100\t200\n\t[unknown]\t5\t6\n");
    const Report report = report_with({});
    REQUIRE(report.rows.size() == 3);
    CHECK(report.rows[0].user == "root");
    CHECK(report.rows[1].user == "4000000000");
    CHECK_FALSE(report.rows[2].user);
}

TEST_CASE(
    "options decide which rows there are; the totals are those of the rows that match, not of those that are shown")
{
    Options all;
    all.all = true;
    CHECK(tsv_with(all) == "20\tbeta\t1000\t0\n10\talpha\t100\t200\n\t[unknown]\t5\t6\n30\tidle\t0\t0\n");
    Options top;
    top.top = 1;
    CHECK(tsv_with(top) == "20\tbeta\t1000\t0\n\tother\t105\t206\n");
    CHECK(report_with(top).totals.rx_bytes == 1105);
    Options sorted;
    sorted.sort = "tx_bytes";
    CHECK(tsv_with(sorted) == "10\talpha\t100\t200\n\t[unknown]\t5\t6\n20\tbeta\t1000\t0\n");
    Options filtered;
    filtered.filter = filter_of({"name=alpha"});
    CHECK(tsv_with(filtered) == "10\talpha\t100\t200\n");
    CHECK(report_with(filtered).totals.rx_bytes == 100);
    CHECK(report_with(filtered).totals.unattributed_rx_bytes == 0);
}

TEST_CASE("a first run of --since says that no rate is known to the alert that asks for one")
{
    Options options;
    options.since = "state";
    options.duration = std::chrono::nanoseconds(0);
    options.alerts = {"rx_bytes>5", "tx_bytes_per_sec>0"};
    BackendResult totals = result_of_a_window();
    totals.sample.duration = options.duration;
    const Report first = report_with(options, totals);
    REQUIRE(first.notes.size() == 1);
    CHECK(first.notes[0].code == NoteCode::alert_unanswered);
    CHECK_FALSE(first.complete);
    CHECK(first.rows.size() == 2);
    CHECK(report_with(options).notes.empty());
    options.alerts = {"rx_bytes>5"};
    CHECK(report_with(options, totals).notes.empty());
}

TEST_CASE("a shared socket makes the report incomplete, and a note says so")
{
    BackendResult result = result_of_a_window();
    result.sample.holders.push_back({Inode{2}, 2});
    const Report report = report_with({}, std::move(result));
    CHECK_FALSE(report.complete);
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0].code == NoteCode::shared_sockets);
}

TEST_CASE("a note about raw sockets is kept if any holder of such a socket passes the filter")
{
    BackendResult result = result_of_a_window();
    result.sample.flows[1].tuple.protocol = Protocol::raw;
    result.sample.flows[1].rx_bytes.reset();
    result.sample.holders.push_back({Inode{2}, 2}); // "idle" is younger than "beta"
    Note note(NoteCode::uncounted_bytes, "raw");
    note.about = Note::About::open_sockets;
    note.protocol = Protocol::raw;
    result.sample.notes = {note};
    const auto has_note = [&](const std::string& name) {
        Options options;
        options.filter = filter_of({"name=" + name});
        const Report report = report_with(options, result);
        return std::any_of(report.notes.begin(), report.notes.end(),
                           [](const Note& each) { return each.code == NoteCode::uncounted_bytes; });
    };
    CHECK(has_note("idle"));
    CHECK(has_note("beta"));
    CHECK_FALSE(has_note("alpha"));
}

TEST_CASE("by interface: what drivers count is short only where the window is")
{
    Options options;
    options.by = GroupBy("interface");
    BackendResult result = result_of_a_window();
    result.sample.interfaces.push_back({"eth1", 1, 1});
    result.sample.notes = {{NoteCode::udp_bytes, "unknown"}, {NoteCode::events_lost, "lost"}};
    Report report = report_with(options, result);
    CHECK(report.rows.size() == 2);
    CHECK(report.complete);
    CHECK(report.notes.empty());
    CHECK(report.totals.rx_bytes == 8U);

    result.sample.notes.emplace_back(NoteCode::interrupted);
    options.filter = typed({"interface=eth1"});
    report = report_with(options, result);
    REQUIRE(report.rows.size() == 1);
    CHECK(report.rows[0].interface == "eth1");
    CHECK(report.totals.rx_bytes == 1U);
    CHECK_FALSE(report.complete);
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0].code == NoteCode::interrupted);
}

TEST_CASE("sockets that --interface cannot place are told, where they may have traffic and are not filtered out")
{
    Options options;
    options.filter = filter_of({"interface=2"});
    options.filter.machine.interfaces = {{2, "eth0", false, true, {address("10.0.0.1")}}};
    BackendResult result = result_of_a_window();
    result.sample.flows[1].tuple.local.address = {};
    result.sample.flows[2].tuple.local.address = {};
    const Report report = report_with(options, result);
    CHECK(report.rows.size() == 2);
    CHECK_FALSE(report.complete);
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0].code == NoteCode::filter_unjudged);
    CHECK(report.notes[0].message ==
          "1 socket was left out because it is not known whether it matches --interface: 1000 bytes received, 0 sent");
    REQUIRE(report.notes[0].missing);
    CHECK(report.notes[0].missing->sockets == 1U);
    CHECK(report.notes[0].missing->rx_bytes == 1000U);
    CHECK(report.notes[0].missing->tx_bytes == 0U);
    options.filter = filter_of({"interface=2", "protocol=udp"});
    CHECK(report_with(options, result).complete);
}

TEST_CASE("what a filter lets through, what its opposite does, and what neither can judge, are the whole")
{
    BackendResult result;
    Sample& sample = result.sample;
    sample.processes = {process(10, 1, "alpha", Uid{1}), process(20, 2, "beta", Uid{2}),
                        process(30, 3, "gamma", std::nullopt)};
    Identity in_unit;
    in_unit.cgroup = "/system.slice/a.service";
    in_unit.unit = "a.service";
    Identity in_pod; // whose container has no name that is known
    in_pod.cgroup = "/kubepods/x";
    in_pod.container_id = std::string(64, 'c');
    in_pod.container = "cccccccccccc";
    in_pod.pod_uid = in_pod.pod = "2b801b7a-5266-4386-864e-45ed71136371";
    sample.processes[0].identity = std::make_shared<const Identity>(in_unit);
    sample.processes[1].identity = std::make_shared<const Identity>(in_pod); // of gamma nothing was read
    std::uint64_t bytes = 1;
    for (const std::optional<std::uint32_t> owner : {std::optional(0U), std::optional(1U), std::optional(2U), {}, {}}) {
        for (const Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::icmp}) {
            for (const bool has_peer : {true, false}) {
                Flow flow = unowned_flow(bytes % 2 == 0 ? Cause::exited : Cause::kernel, std::nullopt, bytes, bytes);
                if (owner) {
                    flow.attribution = {owner, Cause::none, Quality::owner};
                }
                flow.tuple.protocol = protocol;
                flow.tuple.remote = has_peer ? flow.tuple.remote : Endpoint{};
                flow.tuple.local.address = bytes % 3 == 0 ? address("0.0.0.0") : address("10.0.0.1");
                flow.netns = Inode{bytes % 3};
                sample.flows.push_back(flow);
                bytes *= 2; // so that a sum says which they are
            }
        }
    }
    for (std::optional<std::uint64_t> Flow::*direction : {&Flow::rx_bytes, &Flow::tx_bytes}) {
        Flow& flow = sample.flows.emplace_back(); // no room for its tuple
        flow.has_tuple = false;
        flow.*direction = bytes;
    }

    for (const std::string term : {"pid=10",          "name=beta",     "filter=amm",
                                   "exe=a",           "command=b",     "user=1",
                                   "port=443",        "port=80-500",   "remote=10.0.0.0/30",
                                   "remote=private",  "remote=public", "local=10.0.0.1",
                                   "local=multicast", "protocol=udp",  "cgroup=/system.slice",
                                   "unit=a",          "container=web", "pod=web-1",
                                   "netns=2",         "interface=2"}) {
        CAPTURE(term);
        Options wanted;
        Options others;
        wanted.filter = filter_of({term});
        others.filter = filter_of({"!" + term});
        wanted.filter.machine.interfaces =
            others.filter.machine.interfaces = {{2, "eth0", false, true, {address("10.0.0.1")}}};
        const Report in = report_with(wanted, result);
        const Report out = report_with(others, result);
        std::uint64_t unjudged[2] = {0, 0};
        for (const Report* report : {&in, &out}) {
            REQUIRE(report->notes.size() == 1);
            const Note& note = report->notes[0];
            CHECK(note.code == NoteCode::filter_unjudged);
            CHECK_FALSE(report->complete);
            unjudged[report == &out ? 1 : 0] = note.missing->rx_bytes.value();
        }
        CHECK(unjudged[0] == unjudged[1]);
        CHECK(unjudged[0] > 0);
        CHECK(in.totals.rx_bytes.value() + out.totals.rx_bytes.value() + unjudged[0] ==
              report_with({}, result).totals.rx_bytes);
        CHECK((in.totals.rx_bytes.value() & out.totals.rx_bytes.value()) == 0);
    }
}

TEST_CASE("each format has its writer")
{
    const auto text = [](const Format* format) {
        Options options;
        options.format = format;
        return render(report_with(options), make_output_plan(options, false, 80));
    };
    CHECK(text(find_format("tsv")).starts_with("pid\tprocess\t"));
    CHECK(text(find_format("csv")).starts_with("pid,process,"));
    CHECK(text(find_format("json")).starts_with("{\"schema\":\"socktally/1\""));
    CHECK(text(find_format("jsonl")).starts_with("{\"ts\":\""));
    CHECK(text(find_format("pretty")).starts_with("2.0 s · fake · 2 processes · "));
}

TEST_CASE("the format is pretty on a terminal and TSV elsewhere, unless one is named")
{
    CHECK(make_output_plan({}, true, 80).format == find_format("pretty"));
    CHECK(make_output_plan({}, false, 80).format == find_format("tsv"));
    Options named;
    named.format = find_format("csv");
    CHECK(make_output_plan(named, true, 80).format == find_format("csv"));
    CHECK(make_output_plan(named, true, 33).style.width == 33);
    CHECK(make_output_plan({}, true, 100).style.has_extras);
    CHECK_FALSE(make_output_plan({}, true, 99).style.has_extras);
}

TEST_CASE("JSON has all columns of a grouping, the others the default ones")
{
    Options json;
    json.format = find_format("json");
    CHECK(make_output_plan(json, false, 80).columns.size() > make_output_plan({}, false, 80).columns.size());
}

TEST_CASE("colour is a matter of the terminal and NO_COLOR, unless the user says")
{
    const auto colored = [](ColorWhen when, bool to_terminal) {
        Options options;
        options.color = when;
        return make_output_plan(options, to_terminal, 80).style.color;
    };
    ::setenv("TERM", "xterm", 1); // a dumb terminal has no colour
    ::unsetenv("NO_COLOR");
    CHECK(colored(ColorWhen::automatic, true));
    CHECK_FALSE(colored(ColorWhen::automatic, false));
    CHECK(colored(ColorWhen::always, false));
    CHECK_FALSE(colored(ColorWhen::never, true));
    ::setenv("NO_COLOR", "", 1);
    CHECK(colored(ColorWhen::automatic, true));
    ::setenv("NO_COLOR", "1", 1);
    CHECK_FALSE(colored(ColorWhen::automatic, true));
    CHECK(colored(ColorWhen::always, true));
    ::unsetenv("NO_COLOR");
}

TEST_CASE("an unknown column is wrong usage, told before any window")
{
    Options options;
    options.columns = "pid,rx_byte";
    CHECK_THROWS_AS(make_output_plan(options, false, 80), UsageError);
    options.columns.clear();
    options.sort = "nothing";
    CHECK_THROWS_AS(make_output_plan(options, false, 80), UsageError);
}

TEST_CASE("a backend is asked for no more than what is printed, sorted by or filtered")
{
    const auto needs = [](const Options& options) { return needs_of(options, make_output_plan(options, false, 80)); };
    Options options;
    CHECK(!needs(options).tuples);
    CHECK(!needs(options).packets);
    options.format = find_format("json"); // has all columns but those that cost more
    CHECK(!needs(options).packets);
    options.columns = "+rx_packets";
    CHECK(needs(options).packets);
    CHECK(!needs(options).tuples);
    options.columns = "pid";
    options.sort = "rx_ip_bytes+tx_ip_bytes";
    CHECK(needs(options).packets);
    options.sort = "protocol";
    CHECK(needs(options).tuples);
    CHECK(!needs(options).peers);
    options.sort = "port";
    CHECK(needs(options).tuples);
    CHECK(needs(options).peers);
    CHECK(!needs(options).ports); // those of services will do
    for (const char* columns : {"local_port", "remote_port"}) {
        options.columns = columns;
        CHECK(needs(options).ports);
    }
    options.columns = "pid";
    options.filter = filter_of({"!port=443"});
    CHECK(needs(options).ports);
    options.filter = {};
    options.by = GroupBy("remote,connection");
    CHECK(needs(options).ports);
    options.by = GroupBy("remote");
    CHECK(!needs(options).ports);
    CHECK(!needs(options).totals);
    options.duration = {};
    CHECK(needs(options).totals);
}

TEST_CASE("--top does not split what formats of time series add up")
{
    BackendResult result = result_of_a_window();
    for (Process& process : result.sample.processes) {
        process.name = "nginx"; // 1000+0 and 100+200; alone, each is more than [unknown] is
    }
    Options options;
    options.format = find_format("prom");
    options.columns = "process,rx_bytes";
    options.top = 1;
    const std::string text = render(report_with(options, std::move(result)), make_output_plan(options, false, 80));
    CHECK(text.find("{process=\"nginx\"} 1100\n") != text.npos);
    CHECK(text.find("{process=\"other\",kind=\"other\"} 5\n") != text.npos);
}
