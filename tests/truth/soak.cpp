// SPDX-License-Identifier: MIT
// The soak suite (./dev soak) measures what depends on speed: how much short-lived traffic finds its process, also on a
// busy machine, and what rates are kept up with. Each case prints figures beside the bars that a release has to clear.
#include "exact.hpp"
#include "storm.hpp"
#include "windows.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <thread>
#include <vector>

using namespace truth;

namespace {

/// A line of the table. A figure below its bar fails the case.
void figure(const char* what, double value, double bar, const char* unit)
{
    const bool is_enough = value >= bar;
    std::printf("%-8s %-66s %12.2f %12.2f %-6s %s\n", backend_name().c_str(), what, value, bar, unit,
                is_enough ? "ok" : "SHORT");
    CHECK_MESSAGE(is_enough, what);
}

/// Prints a count that must be 0, and fails the case if it is not.
void count(const char* what, std::uint64_t value)
{
    std::printf("%-8s %-66s %12llu %12s %-6s %s\n", backend_name().c_str(), what,
                static_cast<unsigned long long>(value), "0", "", value == 0 ? "ok" : "SHORT");
    CHECK_MESSAGE(value == 0, what);
}

/// Processes that do nothing but take time.
class BusyLoops {
public:
    explicit BusyLoops(int loops)
    {
        for (int loop = 0; loop < loops; ++loop) {
            pids_.push_back(fork_in({}, [] {
                for (unsigned spin = 0;; ++spin) {
                    asm volatile("" : : "r"(spin));
                }
            }));
        }
    }
    BusyLoops(const BusyLoops&) = delete;
    BusyLoops& operator=(const BusyLoops&) = delete;
    ~BusyLoops()
    {
        for (const pid_t pid : pids_) {
            end(pid);
        }
    }

private:
    std::vector<pid_t> pids_;
};

/// Processes that hold sockets and files and do nothing, for the tool to wade through.
void start_idle(Stage& stage, int processes)
{
    stage.start("t-idle", [=](Self& self) {
        std::vector<pid_t> children;
        for (int process = 0; process < processes; ++process) {
            const auto port = static_cast<std::uint16_t>(20'000 + process);
            children.push_back(self.child("t-idle-" + std::to_string(process), [=](Self& child) {
                child.listen({"127.0.0.1", port});
                child.listen({"::1", port});
                for (int file = 0; file < 30; ++file)
                    must(::open("/dev/null", O_RDONLY), "open");
                child.rest();
            }));
        }
        for (const pid_t child : children)
            self.await_rest(child);
    });
}

/// Returns the percentage of all bytes that the report gives to the right process. `not_asked`: a process that is left
/// out.
double share_found(const Measured& measured)
{
    std::uint64_t found = 0;
    std::uint64_t moved = 0;
    for (const auto& [identity, figures] : measured.truth) {
        moved += figures.rx_bytes + figures.tx_bytes;
        for (const Row& row : measured.report.rows) {
            if (row.pid == identity.pid && row.start_time == identity.start_time)
                found += std::min(row.rx_bytes.value_or(0), figures.rx_bytes) +
                         std::min(row.tx_bytes.value_or(0), figures.tx_bytes);
        }
    }
    return 100 * static_cast<double>(found) / static_cast<double>(moved);
}

/// Complaints of bytes at a wrong process, or of more than was moved.
std::uint64_t wrongs(const Measured& measured) { return judge(measured, {.share = 0, .complete = false}).size(); }

void visit_for(Self& self, const At& to, Milliseconds lifetime)
{
    const auto closing = std::chrono::steady_clock::now() + lifetime;
    const int fd = self.connect(to);
    self.exchange(fd, small.request, small.reply);
    std::this_thread::sleep_until(closing);
    self.close(fd);
}

Measured visits(int clients, int each, Milliseconds lifetime)
{
    Stage stage;
    start_idle(stage, 300);
    start_server(stage, static_cast<std::size_t>(clients * each));
    for (int client = 0; client < clients; ++client) {
        stage.start("t-client-" + std::to_string(client), [=](Self& self) {
            self.step();
            for (int visit = 0; visit < each; ++visit)
                visit_for(self, local4, lifetime);
        });
    }
    return stage.measure();
}

/// Starts processes one after another, each with a connection for as long as it lives, and waits for their ends.
void start_visitors(Self& self, int processes, Milliseconds lifetime)
{
    std::vector<pid_t> children;
    for (int process = 0; process < processes; ++process) {
        children.push_back(self.child("t-child", [=](Self& child) { visit_for(child, local4, lifetime); }));
        self.sleep(10ms);
    }
    for (const pid_t child : children)
        self.join(child);
}

/// Descendants of a process that --tree names, which live for 50 ms and have a connection as long as they live.
void measure_descendants(const char* what, double bar)
{
    constexpr int processes = 100;
    Stage stage;
    start_idle(stage, 300);
    const Worker& server = stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, processes, small);
    });
    const Worker& root = stage.start("t-root", [](Self& self) {
        self.step();
        start_visitors(self, processes, 50ms);
    });
    Measured measured = stage.measure({.arguments = {"--tree", std::to_string(root.pid())}});
    std::erase_if(measured.truth, [&](const auto& each) { return each.first.pid == server.pid(); }); // not in the tree
    figure(what, share_found(measured), bar, "%");
    count("  bytes at a wrong process, or twice: complaints", wrongs(measured));
}

} // namespace

TEST_SUITE_BEGIN("soak");

TEST_CASE("descendants of 50 ms")
{
    measure_descendants("100 descendants of 50 ms: bytes at their process", 99);
    const BusyLoops busy(4);
    measure_descendants("100 descendants of 50 ms beside four busy loops: bytes at their process", 90);
}

TEST_CASE("connections of 50 ms among 300 processes")
{
    const Measured measured = visits(40, 20, 50ms);
    figure("800 connections of 50 ms: bytes at their process", share_found(measured), 99, "%");
    count("  bytes at a wrong process, or twice: complaints", wrongs(measured));
}

TEST_CASE("connections of 50 ms and of 500 ms beside four busy loops")
{
    const BusyLoops busy(4);
    const Measured brief = visits(40, 20, 50ms);
    figure("800 connections of 50 ms beside four busy loops: bytes at their process", share_found(brief), 90, "%");
    count("  bytes at a wrong process, or twice: complaints", wrongs(brief));
    const Measured longer = visits(20, 4, 500ms);
    figure("80 connections of 500 ms beside four busy loops: bytes at their process", share_found(longer), 99, "%");
    count("  bytes at a wrong process, or twice: complaints", wrongs(longer));
}

TEST_CASE("processes of 60 ms")
{
    constexpr int processes = 60;
    Stage stage;
    start_server(stage, processes);
    stage.start("t-parent", [](Self& self) {
        self.step();
        start_visitors(self, processes, 60ms);
    });
    const Measured measured = stage.measure();
    figure("60 processes of 60 ms: bytes at their process", share_found(measured), 99, "%");
    count("  bytes at a wrong process, or twice: complaints", wrongs(measured));
}

TEST_CASE("pids that come again, under load")
{
    if (!can_restart_pids())
        TRUTH_SKIP("this kernel has no ns_last_pid");
    constexpr int processes = 1200;
    const unsigned seed = std::random_device{}();
    const PidSpace pids;
    Stage stage;
    const Place place{.net = &stage.netns(), .pids = &pids};
    start_server(stage, place, processes / 3);
    stage.start("t-storm", place, [=](Self& self) {
        self.step();
        storm(self, processes, seed, local4, small);
    });
    const bool exact = bar_of(backend_name()).knows_caller;
    const Measured measured =
        stage.measure({.arguments = exact ? ours_only : std::vector<std::string>{}, .place = place});
    std::map<pid_t, int> lives;
    for (const auto& [identity, figures] : measured.truth)
        ++lives[identity.pid];
    const auto most =
        std::max_element(lives.begin(), lives.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    std::printf("seed %u\n", seed);
    figure("1200 processes on 40 pids: lives of the pid with most", most->second, 10, "lives");
    figure("  bytes at their process", share_found(measured), exact ? 100 : 0, "%");
    count("  bytes at a wrong process, or twice: complaints", wrongs(measured));
}

TEST_CASE("windows of 20 ms, by the clock")
{
    constexpr int windows = 150;
    Stage stage;
    start_connection(
        stage,
        [](Self& self, int fd) {
            for (int burst = 0; burst < 100; ++burst) {
                self.receive(fd, 40'000);
                self.send(fd, 1);
            }
        },
        [](Self& self, int fd) {
            for (int burst = 0; burst < 100; ++burst) {
                self.send(fd, 40'000);
                self.receive(fd, 1);
                self.sleep(Milliseconds(burst % 20));
            }
        });
    const Series series = stage.measure_clocked(windows, 20ms);
    const Measured sum = sum_of(series);
    figure("150 windows of 20 ms: bytes at their process in their sum", share_found(sum), 99.99, "%");
    count("  bytes at a wrong process, or twice: complaints", wrongs(sum));
}

TEST_CASE("connections as fast as four processes make them")
{
    constexpr int clients = 4;
    constexpr int each = 5000;
    Stage stage;
    start_server(stage, clients * each);
    for (int client = 0; client < clients; ++client) {
        stage.start("t-client-" + std::to_string(client), [](Self& self) {
            self.step();
            for (int visit = 0; visit < each; ++visit)
                self.visit(local4, small);
        });
    }
    const auto begun = std::chrono::steady_clock::now();
    const Measured measured = stage.measure();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begun;
    figure("20,000 connections at once: connections a second", clients * each / time.count(), 2000, "/s");
    count("  events lost: notes", measured.report.has_note("events-lost") ? 1 : 0);
    const Figures moved = sum(measured.truth);
    figure("  bytes in the sums",
           100 * static_cast<double>(measured.report.rx_bytes) / static_cast<double>(moved.rx_bytes), 99.9, "%");
    count("  bytes at a wrong process, or twice: complaints", wrongs(measured));
}

TEST_CASE("datagrams as fast as one process sends them")
{
    TRUTH_DATAGRAMS();
    constexpr int datagrams = 300'000;
    Stage stage;
    stage.start("t-flood", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        self.step();
        for (int sent = 0; sent < datagrams; ++sent)
            self.send_datagram(fd, local4, 100); // to nobody
    });
    const auto begun = std::chrono::steady_clock::now();
    const Measured measured = stage.measure();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begun;
    figure("300,000 datagrams: datagrams a second", datagrams / time.count(), 50'000, "/s");
    figure("  bytes at their process", share_found(measured), 100, "%");
}

TEST_SUITE_END();
