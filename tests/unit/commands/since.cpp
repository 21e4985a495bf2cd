// SPDX-License-Identifier: MIT
// Runs of --since over a backend that makes its counters up: what goes out, what is kept, and in which order.
#include "commands/since.hpp"
#include "commands/commands.hpp"
#include "temp_directory.hpp"
#include "unit/build_sample.hpp"
#include "unit/captured_output.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <fstream>
#include <iterator>
#include <system_error>
#include <variant>

using namespace socktally;
using namespace socktally::test;

namespace {

/// What the backend is to find. A backend is opened by a plain function.
struct Counters {
    std::uint64_t received = 0; // by process 7 on the one socket there is
    std::uint64_t frames = 0;   // that eth0 received, of 10 bytes each
    std::uint64_t opened = 0;   // connections, as the kernel counts them
    bool is_gone = false;       // the socket
    bool is_interrupted = false;
};
Counters counters; // NOLINT: of this file's tests

class MadeUp final : public Backend {
public:
    BackendResult sample(const SampleRequest&) override
    {
        BackendResult result;
        result.sample.started_at = std::chrono::system_clock::now();
        result.sample.backend = "made-up";
        result.sample.processes = {process(7, 1, "seven", Uid{0})};
        Flow received = flow(counters.received, 0);
        received.cookie = Cookie{1};
        received.attribution = {0, Cause::none, Quality::exact};
        result.sample.flows = {received};
        InterfaceTraffic interface {
            "eth0", counters.frames * 10, 0, counters.frames, 0
        };
        interface.index = 2;
        result.sample.interfaces = {interface};
        const SocketCounters counted{{counters.received, 0}, counters.received};
        result.snapshot.sockets[{Inode{}, Cookie{1}}] = {counted, received.tuple.remote};
        result.snapshot.opens[Inode{}] = {counters.opened};
        if (counters.is_gone) {
            result.sample.flows.clear();
        }
        if (counters.is_interrupted) {
            std::raise(SIGTERM);
        }
        return result;
    }
    std::vector<Note> limits() const override { return {}; }
};

OpenResult open_made_up(const BackendOptions&) { return std::make_unique<MadeUp>(); }

std::uint64_t inode_of(const char* path)
{
    struct stat status {};
    return ::stat(path, &status) == 0 ? status.st_ino : 0;
}

/// Takes SIGTERM for as long as this lives, and looks which file is the state then.
class TermHandler {
public:
    explicit TermHandler(const std::string& state)
    {
        path = state.c_str();
        inode = 0;
        before_ = std::signal(SIGTERM, [](int) { inode = inode == 0 ? inode_of(path) : inode; });
    }
    ~TermHandler() { std::signal(SIGTERM, before_); }
    TermHandler(const TermHandler&) = delete;
    TermHandler& operator=(const TermHandler&) = delete;

    /// 0: no signal came.
    static std::uint64_t state_then() { return inode; }

private:
    static inline const char* path = nullptr;
    static inline volatile std::uint64_t inode = 0;
    void (*before_)(int) = nullptr;
};

/// Standard output is full for as long as this lives.
class FullOutput {
public:
    FullOutput() : before_(::dup(STDOUT_FILENO))
    {
        const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
        ::dup2(full.get(), STDOUT_FILENO);
    }
    ~FullOutput() { ::dup2(before_.get(), STDOUT_FILENO); }
    FullOutput(const FullOutput&) = delete;
    FullOutput& operator=(const FullOutput&) = delete;

private:
    Fd before_;
};

class Runs {
public:
    explicit Runs(const Format* format)
    {
        counters = {};
        options.since = directory_.path() / "state";
        options.format = format;
        options.columns = "process,rx_bytes";
        options.header = false;
        options.quiet = true;
        options.duration = {};
    }

    std::string run(std::uint64_t received)
    {
        counters.received = received;
        const CapturedOutput output;
        run_it();
        return output.text();
    }
    void run_in_vain(std::uint64_t received)
    {
        counters.received = received;
        const FullOutput output;
        CHECK_THROWS_AS(run_it(), std::system_error);
    }
    /// The counter of the last run; 0 where it is not printed.
    std::uint64_t counter(std::uint64_t received, const std::string& series = "receive_bytes_total{process=\"seven\"} ")
    {
        const std::string text = run(received);
        const std::size_t at = text.find("socktally_" + series);
        return at == text.npos ? 0 : std::stoull(text.substr(at + series.size() + 10));
    }
    std::string state() const
    {
        std::ifstream file(options.since);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void damage() const { std::ofstream(options.since) << "socktally-state 4\nrun"; }
    void reboot() const
    {
        const auto text = read_state(state());
        State changed = std::get<State>(text);
        changed.boot_id = "another";
        std::ofstream(options.since) << write_state(changed);
    }

    Options options;

private:
    void run_it() const
    {
        const std::array<BackendEntry, 1> table{{{"made-up", "imagination", open_made_up}}};
        run_sample(options, table);
    }

    TempDirectory directory_;
};

} // namespace

TEST_CASE("since: figures that did not go out are printed again by the next run")
{
    Runs runs(find_format("tsv"));
    CHECK(runs.run(100) == "seven\t100\n");
    const std::string before = runs.state();
    runs.run_in_vain(150);
    CHECK(runs.state() == before);
    CHECK(runs.run(160) == "seven\t60\n");
    CHECK(runs.run(161) == "seven\t1\n");
}

TEST_CASE("since: a signal comes after the output and the state, whenever it was sent")
{
    for (const Format* format : {find_format("tsv"), find_format("prom")}) {
        Runs runs(format);
        runs.run(100);
        const std::uint64_t before = inode_of(runs.options.since.c_str());
        const TermHandler handler(runs.options.since);
        counters.is_interrupted = true;
        CHECK(runs.run(150).find("50") != std::string::npos);
        CHECK(TermHandler::state_then() != before);
        CHECK(TermHandler::state_then() == inode_of(runs.options.since.c_str()));
    }
}

TEST_CASE("since: counters that did not go out are in the next ones")
{
    Runs runs(find_format("prom"));
    CHECK(runs.counter(100) == 100);
    runs.run_in_vain(150);
    CHECK(runs.counter(10) == 160); // the socket began anew in between
}

TEST_CASE("since: counters go on after a reboot, and begin with 0 where they may have been counted before")
{
    Runs runs(find_format("prom"));
    CHECK(runs.counter(100) == 100);
    runs.reboot();
    CHECK(runs.counter(30) == 130);
    runs.damage();
    CHECK(runs.counter(35) == 0);
    CHECK(runs.counter(37) == 2);
}

TEST_CASE("since: figures have totals after a reboot, and where the state is damaged")
{
    Runs runs(find_format("tsv"));
    runs.run(100);
    runs.reboot();
    CHECK(runs.run(30) == "seven\t30\n");
    runs.damage();
    CHECK(runs.run(35) == "seven\t35\n");
    CHECK(runs.run(37) == "seven\t2\n");
}

TEST_CASE("since: counters of interfaces are of packets too")
{
    Runs runs(find_format("prom"));
    runs.options.by = GroupBy("interface");
    runs.options.columns.clear();
    counters.frames = 5;
    runs.run(0);
    counters.frames = 7;
    CHECK(runs.counter(0, "interface_receive_packets_total{interface=\"eth0\"} ") == 7);
    CHECK(runs.counter(0, "interface_receive_bytes_total{interface=\"eth0\"} ") == 70);
}

TEST_CASE("since: what is printed may change from run to run, and no byte is lost")
{
    Runs runs(find_format("tsv"));
    runs.run(100);
    runs.options.filter = filter_of({"name=nobody"});
    CHECK(runs.run(150).empty());
    runs.options.filter = {};
    CHECK(runs.run(151) == "seven\t1\n"); // what one run did not print the next one does not
    runs.options.format = find_format("prom");
    CHECK_THROWS_AS(runs.run(152), std::runtime_error);
    runs.options.format = find_format("json");
    CHECK(runs.run(153).find("\"rx_bytes\":2,") != std::string::npos);
}

namespace {

const GrowingSeries::Labels rest{{"process", "other"}, {"kind", "other"}};

GrowingSeries named(const std::string& name, std::uint64_t rx, std::uint64_t tx, std::uint64_t connections = 1)
{
    return {{{"process", name}}, rx, tx, connections};
}

} // namespace

TEST_CASE("accumulate: series grow, and one that has moved nothing stays")
{
    auto series = accumulate({}, {named("a", 1, 2), named("b", 10, 20)}, 100, rest);
    CHECK(series == std::vector{named("b", 10, 20), named("a", 1, 2)});
    for (GrowingSeries& one : series) {
        one.connections = 0; // is not kept
    }
    series = accumulate(series, {named("a", 5, 5, 3)}, 100, rest);
    CHECK(series == std::vector{named("b", 10, 20, 0), named("a", 6, 7, 3)});
}

TEST_CASE("accumulate: newcomers fill the free places by size, and the others are summed up")
{
    auto series = accumulate({}, {named("a", 1, 0), named("b", 2, 0), named("c", 3, 0)}, 2, rest);
    CHECK(series == std::vector{named("c", 3, 0), named("b", 2, 0), GrowingSeries{rest, 1, 0, 1}});
    series = accumulate(series, {named("a", 1000, 0), named("c", 1, 0)}, 2, rest);
    CHECK(series == std::vector{named("c", 4, 0, 2), named("b", 2, 0), GrowingSeries{rest, 1001, 0, 2}});
    SUBCASE("more places")
    {
        series = accumulate(series, {named("a", 7, 0)}, 3, rest);
        CHECK(series[2] == named("a", 7, 0));
        CHECK(series[3].rx_bytes == 1001);
    }
    SUBCASE("fewer places: none goes")
    {
        series = accumulate(series, {named("b", 1, 0), named("d", 9, 0)}, 1, rest);
        CHECK(series.size() == 3);
        CHECK(series[1].rx_bytes == 3);
        CHECK(series[2].rx_bytes == 1010);
    }
}

TEST_CASE("accumulate: what a series lacks is told of this run only")
{
    GrowingSeries lacking = named("a", 1, 0);
    lacking.unknown_connections = 2;
    auto series = accumulate({named("a", 1, 0)}, {lacking}, 100, rest);
    CHECK(series.at(0).unknown_connections == 2);
}

TEST_CASE("accumulate: packets of interfaces grow like bytes; what has none has none")
{
    GrowingSeries interface = named("eth0", 1, 2);
    interface.rx_packets = 3;
    interface.tx_packets = 4;
    const auto series = accumulate({interface, named("a", 1, 0)}, {interface, named("a", 1, 0)}, 100, rest);
    CHECK(series.at(0).rx_packets == 6U);
    CHECK(series.at(0).tx_packets == 8U);
    CHECK_FALSE(series.at(1).rx_packets.has_value());
}

TEST_CASE("accumulate: no series begins with nothing") { CHECK(accumulate({}, {named("a", 0, 0)}, 100, rest).empty()); }

TEST_CASE("since: a state of another boot, of another namespace or of the future says nothing")
{
    State before;
    before.boot_id = "0f3c";
    before.uptime = std::chrono::minutes(1);
    State now = before;
    now.uptime += std::chrono::seconds(1);
    CHECK(why_unfit(before, now).empty());
    SUBCASE("boot") { now.boot_id = "another"; }
    SUBCASE("namespace") { now.netns = Inode{1}; }
    SUBCASE("future") { now.uptime = std::chrono::seconds(1); }
    CHECK_FALSE(why_unfit(before, now).empty());
}

TEST_CASE("since: in JSON the interval begins at the run before, and what is unknown is in notes")
{
    Runs runs(find_format("json"));
    CHECK(runs.run(100).find("\"since\":") == std::string::npos);
    counters.opened = 3;
    const std::string text = runs.run(130);
    CHECK(text.find("\"since\":") != std::string::npos);
    CHECK(text.find("\"duration_ns\":0,") == std::string::npos);
    CHECK(text.find("\"code\":\"connections-missed\",\"message\":\"3 connections opened") != std::string::npos);
    counters.is_gone = true;
    CHECK(runs.run(0).find("\"1 connection closed since the last run: last bytes are unknown\"") != std::string::npos);
}
