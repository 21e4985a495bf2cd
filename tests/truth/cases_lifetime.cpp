// SPDX-License-Identifier: MIT
// Connections and processes that live for a part of the window only, down to a few milliseconds, and pids that come
// again.
#include "stage.hpp"
#include "storm.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <random>
#include <stdexcept>

using namespace truth;

namespace {

constexpr RequestReply small{.request = 2000, .reply = 3000};

/// One server, and `clients` processes that each make `visits` connections, one after the other.
void start_visits(Stage& stage, int clients, int visits, Milliseconds lifetime)
{
    stage.start("t-server", [=](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, static_cast<std::size_t>(clients * visits), small);
    });
    for (int client = 0; client < clients; ++client) {
        stage.start("t-client-" + std::to_string(client), [=](Self& self) {
            self.step();
            for (int visit = 0; visit < visits; ++visit)
                self.visit(local4, small, lifetime);
        });
    }
}

/// Processes that hold sockets and files and do nothing, for the tool to wade through.
void start_idle(Stage& stage, int processes)
{
    stage.start("t-idle", [=](Self& self) {
        for (int process = 0; process < processes; ++process) {
            const auto port = static_cast<std::uint16_t>(20'000 + process);
            self.child("t-idle-" + std::to_string(process), [=](Self& child) {
                child.listen({"127.0.0.1", port});
                child.listen({"::1", port});
                for (int file = 0; file < 30; ++file)
                    must(::open("/dev/null", O_RDONLY), "open");
                ::pause();
            });
        }
    });
}

} // namespace

TEST_CASE("lifetime: connections born in the window that stay")
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local6);
        self.step();
        self.exchange(self.accept(listener), 2'000'000, 1'000'000);
    });
    stage.start("t-client", [](Self& self) {
        self.step();
        self.exchange(self.connect(local6), 1'000'000, 2'000'000);
    });
    check(stage.measure());
}

TEST_CASE("lifetime: connections of a second, born and closed in the window")
{
    Stage stage;
    start_visits(stage, 5, 1, 1000ms);
    check(stage.measure({.window = 2000ms}));
}

TEST_CASE("lifetime: connections of 50 ms on a busy machine" * doctest::test_suite("alone"))
{
    Stage stage;
    start_idle(stage, 300);
    start_visits(stage, 40, 20, 50ms);
    check(stage.measure({.window = 2500ms}), {.share = 0.99, .complete = false});
}

TEST_CASE("lifetime: connections of 5 ms")
{
    Stage stage;
    start_visits(stage, 20, 50, 5ms);
    check(stage.measure({.window = 2000ms}), {.share = 0, .complete = false});
}

TEST_CASE("lifetime: a process that ends in the window, after its traffic")
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        const int old = self.accept(listener);
        self.step();
        self.exchange(old, 300'000, 400'000);
        self.exchange(self.accept(listener), 30'000, 40'000);
        self.receive_to_end(old);
    });
    stage.start("t-leaver", [](Self& self) {
        const int old = self.connect(local4);
        self.step();
        const int young = self.connect(local4);
        self.sleep(100ms);
        self.exchange(old, 400'000, 300'000);
        self.exchange(young, 40'000, 30'000);
        self.sleep(100ms);
        self.exit();
    });
    check(stage.measure({.window = 1200ms}));
}

TEST_CASE("lifetime: processes of 60 ms with one connection each" * doctest::test_suite("alone"))
{
    Stage stage;
    constexpr int processes = 60;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, processes, small);
    });
    stage.start("t-parent", [](Self& self) {
        self.step();
        for (int process = 0; process < processes; ++process) {
            self.child("t-child", [](Self& child) { child.visit(local4, small, 60ms); });
            self.sleep(10ms);
        }
        for (int process = 0; process < processes; ++process)
            must(::wait(nullptr), "wait");
    });
    check(stage.measure({.window = 2000ms}), {.share = 0.99, .complete = false});
}

TEST_CASE("lifetime: pids that come again, under load" * doctest::test_suite("alone"))
{
    if (!can_restart_pids())
        TRUTH_SKIP("this kernel has no ns_last_pid");
    constexpr int processes = 1200;
    const unsigned seed = std::random_device{}();
    MESSAGE("seed ", seed);

    const PidSpace pids;
    Stage stage;
    const Place place{.net = &stage.netns(), .pids = &pids};
    stage.start("t-server", place, [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, processes / 3, small);
    });
    stage.start("t-storm", place, [=](Self& self) {
        self.step();
        storm(self, processes, seed, local4, small);
    });
    const bool exact = bar_of(backend_name()).knows_caller;
    const Measured measured =
        stage.measure({.window = 4000ms, .arguments = exact ? ours_only : std::vector<std::string>{}, .place = place});
    check(measured, exact ? Expect{} : Expect{.share = 0, .complete = false});

    std::map<pid_t, int> lives;
    for (const auto& [identity, figures] : measured.truth)
        ++lives[identity.pid];
    int most = 0;
    for (const auto& [pid, count] : lives)
        most = std::max(most, count);
    CHECK(most >= 10); // else the pids did not come again
}
