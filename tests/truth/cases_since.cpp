// SPDX-License-Identifier: MIT
// Runs of --since one after another: what they say adds up to what was moved, also where some of them are killed.
#include "stage.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

using namespace truth;

namespace {

/// A directory for the state file, gone with what is in it.
class StateDirectory {
public:
    StateDirectory()
    {
        std::string name = std::filesystem::temp_directory_path() / "socktally-truth-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr)
            fail("mkdtemp");
        path_ = name;
    }
    StateDirectory(const StateDirectory&) = delete;
    StateDirectory& operator=(const StateDirectory&) = delete;
    ~StateDirectory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string file() const { return path_ / "state"; }

private:
    std::filesystem::path path_;
};

/// What goes on elsewhere on this machine is to be in no figure and in no note.
std::vector<std::string> since(const StateDirectory& state)
{
    return {"--since", state.file(), "--netns", "current", "--protocol", "tcp"};
}

std::string beginning_of(const std::string& json)
{
    const std::string key = "\"since\":\"";
    const std::size_t at = json.find(key);
    return at == std::string::npos ? ""
                                   : json.substr(at + key.size(), json.find('"', at + key.size()) - at - key.size());
}

bool was_killed(const Output& output) { return WIFSIGNALED(output.status) && WTERMSIG(output.status) == SIGKILL; }

/// What adds up the runs, as socktally(1) says: of outputs that follow each other and have the same beginning the last
/// whole one counts, because the state has not moved on between them. That takes a SIGKILL.
class Reader {
public:
    void take(const Output& output)
    {
        if (!output.out.ends_with("}\n"))
            return; // cut off
        Report report = parse_report(output.out);
        const bool is_again = !kept_.empty() && beginning_of(kept_.back().text) == beginning_of(report.text);
        CHECK((!is_again || may_come_again_));
        may_come_again_ = was_killed(output);
        if (is_again)
            kept_.back() = std::move(report);
        else
            kept_.push_back(std::move(report));
    }

    std::size_t size() const { return kept_.size(); }
    std::map<std::string, Figures> sums() const
    {
        std::map<std::string, Figures> sums;
        for (const Report& report : kept_) {
            for (const Row& row : report.rows) {
                sums[row.process].rx_bytes += row.rx_bytes.value_or(0);
                sums[row.process].tx_bytes += row.tx_bytes.value_or(0);
            }
        }
        return sums;
    }

private:
    std::vector<Report> kept_;
    bool may_come_again_ = false;
};

constexpr int messages = 25;

/// What both ends of a pair do: bytes both ways over a connection that stays, and over one for each phase, which is
/// closed when it has been quiet for a run.
template <typename Open>
void talk(Self& self, std::uint16_t pair, int phases, bool is_client, Open open)
{
    std::mt19937 random(pair);
    std::uniform_int_distribution<std::size_t> size(0, 60'000);
    const auto exchange = [&](int fd) {
        const std::size_t up = size(random);
        const std::size_t down = size(random);
        self.exchange(fd, is_client ? up : down, is_client ? down : up);
    };
    const int stays = open();
    std::optional<int> passes;
    for (int phase = 0; phase < phases; ++phase) {
        self.step();
        if (passes)
            self.close(*passes);
        passes = open();
        for (int message = 0; message < messages; ++message) {
            exchange(stays);
            exchange(*passes);
            self.sleep(2ms);
        }
    }
    self.step();
}

void start_talk(Stage& stage, std::uint16_t pair, int phases)
{
    const At at{"127.0.0.1", static_cast<std::uint16_t>(7000 + pair)};
    const std::string name = "t-pair-" + std::to_string(pair);
    stage.start(name + "-s", [=](Self& self) {
        const int listener = self.listen(at);
        talk(self, pair, phases, false, [&] { return self.accept(listener); });
    });
    stage.start(name + "-c", [=](Self& self) { talk(self, pair, phases, true, [&] { return self.connect(at); }); });
}

Report run(Stage& stage, const std::vector<std::string>& arguments)
{
    return expect_success(Tool(stage.place(), 0ms, arguments).finish());
}

/// Four pairs talk, and in each phase of that five runs are made: four beside the traffic, three of them sent a signal
/// at any moment, and one when all is quiet. How many ended by a signal.
int run_beside_traffic(Stage& stage, int phases, const std::vector<std::string>& arguments,
                       const std::function<void(const Output&)>& take)
{
    for (std::uint16_t pair = 0; pair < 4; ++pair)
        start_talk(stage, pair, phases);
    std::mt19937 random(4711);
    std::uniform_int_distribution<int> moment(0, 30);
    int killed = 0;
    for (int phase = 0; phase < phases; ++phase) {
        auto traffic = std::async(std::launch::async, [&] { stage.advance(); });
        for (const int signal : {SIGKILL, SIGTERM, SIGKILL, 0}) {
            Tool tool(stage.place(), 0ms, arguments);
            if (signal != 0) {
                std::this_thread::sleep_for(Milliseconds(moment(random)));
                tool.signal(signal);
            }
            const Output output = tool.finish();
            killed += WIFSIGNALED(output.status) ? 1 : 0;
            CHECK_MESSAGE((output.status == 0 || (WIFSIGNALED(output.status) && WTERMSIG(output.status) == signal)),
                          output.err);
            CHECK(output.err.find("starting over with") == std::string::npos);
            take(output);
        }
        traffic.get();
        const Output quiet = Tool(stage.place(), 0ms, arguments).finish();
        REQUIRE_MESSAGE(quiet.status == 0, quiet.err);
        take(quiet);
    }
    return killed;
}

void check_sums(Stage& stage, const std::map<std::string, Figures>& sums)
{
    for (const auto& account : stage.ledger().read(stage.netns().inode())) {
        const Figures& figures = account.second;
        CAPTURE(figures.name);
        REQUIRE(sums.count(figures.name) == 1);
        const std::uint64_t bar = 2 * figures.connections;
        CHECK(within(sums.at(figures.name).rx_bytes, figures.rx_bytes, bar));
        CHECK(within(sums.at(figures.name).tx_bytes, figures.tx_bytes, bar));
    }
}

/// The figures of a metric by process.
std::map<std::string, std::uint64_t> counters(const std::string& text, const std::string& metric)
{
    const std::string opening = metric + "{process=\"";
    std::map<std::string, std::uint64_t> result;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(opening)) {
            const std::size_t end = line.find('"', opening.size());
            result[line.substr(opening.size(), end - opening.size())] = std::stoull(line.substr(line.rfind(' ')));
        }
    }
    return result;
}

} // namespace

TEST_CASE("since: fifty runs add up to what was moved, though twenty are sent SIGKILL and ten SIGTERM")
{
    constexpr int phases = 10;
    Stage stage;
    const StateDirectory state;
    Reader reader;
    const int killed =
        run_beside_traffic(stage, phases, since(state), [&](const Output& output) { reader.take(output); });
    CHECK(killed > 0);
    CHECK(reader.size() > phases);
    MESSAGE(killed, " runs ended by a signal, ", reader.size(), " counted");
    check_sums(stage, reader.sums());
}

TEST_CASE("since: runs outside, inside and outside of a time namespace follow each other")
{
    if (!has_time_namespaces())
        TRUTH_SKIP("this kernel has no time namespaces");
    constexpr int runs = 4;
    constexpr std::size_t each = 30'000;
    Stage stage;
    const StateDirectory state;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        for (int run = 0; run < runs; ++run) {
            self.step();
            self.receive(fd, each);
        }
    });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        for (int run = 0; run < runs; ++run) {
            self.step();
            self.send(fd, each);
        }
    });
    using Clock = std::chrono::steady_clock;
    const auto begun = Clock::now();
    for (const int shift : {0, 1'000'000, 0, -5}) {
        stage.advance();
        const Place place{.net = &stage.netns(), .boot_shift = std::chrono::seconds(shift)};
        const Output output = Tool(place, 0ms, since(state)).finish();
        CHECK(output.err.find("starting over with") == std::string::npos);
        const Report report = expect_success(output);
        CHECK(within(report.tx_bytes, each, 2));
        const std::string key = "\"duration_ns\":";
        const std::size_t at = report.text.find(key);
        REQUIRE(at != std::string::npos);
        CHECK(std::chrono::nanoseconds(std::stoll(report.text.substr(at + key.size()))) < Clock::now() - begun);
    }
}

TEST_CASE("since: counters for Prometheus never fall, whatever ends a run, and come to what was moved")
{
    Stage stage;
    const StateDirectory state;
    const std::string scraped = state.file() + ".prom";
    std::vector<std::string> arguments = since(state);
    arguments.insert(arguments.end(), {"-f", "prom", "-o", "process,rx_bytes,tx_bytes", "--output-file", scraped});
    std::map<std::string, std::uint64_t> received;
    std::map<std::string, std::uint64_t> sent;
    const auto scrape = [&](const Output&) {
        std::ifstream file(scraped);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        for (auto& [last, metric] : {std::pair(&received, "socktally_receive_bytes_total"),
                                     std::pair(&sent, "socktally_transmit_bytes_total")}) {
            const auto now = counters(text, metric);
            for (const auto& before : *last) {
                CAPTURE(before.first);
                REQUIRE(now.count(before.first) == 1);
                CHECK(now.at(before.first) >= before.second);
            }
            *last = now;
        }
    };
    CHECK(run_beside_traffic(stage, 4, arguments, scrape) > 0);
    std::map<std::string, Figures> sums;
    for (const auto& [process, value] : received) {
        sums[process].rx_bytes = value;
        sums[process].tx_bytes = sent.at(process);
    }
    check_sums(stage, sums);
}

TEST_CASE("since: what ends unseen is said, and nothing is made up")
{
    Stage stage;
    const StateDirectory state;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        const int fd = self.accept(listener);
        self.receive(fd, 100'000);
        self.step();
        self.receive(fd, 50'000);
        self.close(fd);
        self.serve(listener, 3, {1000, 1000});
        self.step();
    });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        self.send(fd, 100'000);
        self.step();
        self.send(fd, 50'000);
        self.close(fd);
        for (int visit = 0; visit < 3; ++visit)
            self.visit(local4, {1000, 1000});
        self.step();
    });
    const Measured seen = stage.totals({.arguments = since(state)});
    const Report first = seen.report;
    CHECK(first.has_note("first-run"));
    CHECK(first.rx_bytes == 100'000);

    stage.advance();
    const Report second = run(stage, since(state));
    INFO(second.text);
    CHECK_FALSE(second.complete);
    CHECK(second.has_note("closed-since"));
    CHECK(second.text.find("2 connections closed since the last run") != std::string::npos);
    CHECK(second.has_note("connections-missed"));
    CHECK(second.text.find("6 connections opened and closed between two runs") != std::string::npos);
    CHECK(second.rx_bytes == 0);
    CHECK(second.tx_bytes == 0);

    CHECK(run(stage, since(state)).complete);
}

TEST_CASE("since: counters for Prometheus grow to what was moved")
{
    Stage stage;
    const StateDirectory state;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        for (int part = 0; part < 3; ++part) {
            self.exchange(fd, 7'000, 100'000);
            self.step();
        }
    });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        for (int part = 0; part < 3; ++part) {
            self.exchange(fd, 100'000, 7'000);
            self.step();
        }
    });
    std::vector<std::string> arguments = since(state);
    arguments.insert(arguments.end(), {"-f", "prom", "-o", "process,rx_bytes,tx_bytes"});
    for (const char* received : {"200000", "300000", "300000"}) {
        stage.advance();
        const Output output = Tool(stage.place(), 0ms, arguments).finish();
        REQUIRE_MESSAGE(output.status == 0, output.err);
        INFO(output.out);
        CHECK(output.out.find("# TYPE socktally_receive_bytes_total counter\n") != std::string::npos);
        CHECK(output.out.find("socktally_receive_bytes_total{process=\"t-server\"} " + std::string(received) + "\n") !=
              std::string::npos);
    }
    const Output other = Tool(stage.place(), 0ms, since(state)).finish();
    CHECK(WEXITSTATUS(other.status) == 1);
    CHECK(other.err.find("use another state file") != std::string::npos);
}

TEST_CASE("since: one run at a time")
{
    Stage stage;
    const StateDirectory state;
    run(stage, since(state));
    const Fd lock(must(::open((state.file() + ".lock").c_str(), O_RDWR | O_CLOEXEC), "open the lock"));
    must(::flock(lock.get(), LOCK_EX), "lock");

    const Output second = Tool(stage.place(), 0ms, since(state)).finish();
    CHECK(WIFEXITED(second.status));
    CHECK(WEXITSTATUS(second.status) == 1);
    CHECK(second.out.empty());
    CHECK(second.err.find("another run is using") != std::string::npos);

    Tool waiting(stage.place(), 0ms, {"--since", state.file(), "--netns", "current", "--wait"});
    std::this_thread::sleep_for(100ms);
    must(::flock(lock.get(), LOCK_UN), "unlock");
    CHECK_FALSE(beginning_of(expect_success(waiting.finish()).text).empty());
}

TEST_CASE("since: where nobody reads the output, the state stays as it was, and nothing is left beside it")
{
    const StateDirectory state;
    std::array<int, 2> ends{};
    must(::pipe(ends.data()), "pipe"); // the shell gets it
    const Fd output(ends[1]);
    must(::close(ends[0]), "close");
    const std::string command =
        tool_path() + " -q -b " + backend_name() + " --since " + state.file() + " >&" + std::to_string(output.get());
    const int status = std::system(command.c_str());
    CHECK((WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128) == SIGPIPE);
    const std::filesystem::path lock = state.file() + ".lock";
    for (const auto& entry : std::filesystem::directory_iterator(lock.parent_path())) {
        CHECK(entry.path() == lock);
    }
}

TEST_CASE("since: a state that is of no use is told, and the run has totals")
{
    Stage stage;
    const StateDirectory state;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.receive(fd, 100'000);
        self.step();
    });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        self.send(fd, 100'000);
        self.step();
    });
    const auto totals = [&] { return stage.totals({.arguments = since(state)}); };
    const Measured first = totals();
    CHECK(first.report.has_note("first-run"));
    check(first);

    std::filesystem::resize_file(state.file(), std::filesystem::file_size(state.file()) - 1);
    const Measured cut = totals();
    CHECK(cut.report.has_note("begun-anew"));
    CHECK_FALSE(cut.report.complete);
    CHECK(beginning_of(cut.report.text).empty());
    check(cut, {.complete = false});
    CHECK(std::filesystem::exists(state.file() + ".bad"));

    const Report next = run(stage, since(state));
    CHECK(next.complete);
    CHECK(next.rx_bytes == 0);
    CHECK(next.tx_bytes == 0);
}
