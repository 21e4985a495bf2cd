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
void start_visits(Stage& stage, int clients, int visits, Until until)
{
    stage.start("t-server", [=](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, static_cast<std::size_t>(clients * visits), small, until);
    });
    for (int client = 0; client < clients; ++client) {
        stage.start("t-client-" + std::to_string(client), [=](Self& self) {
            self.step();
            for (int visit = 0; visit < visits; ++visit)
                self.visit(local4, small, until);
        });
    }
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

TEST_CASE("lifetime: connections opened and closed in the window")
{
    Stage stage;
    start_visits(stage, 5, 4, Until::owned);
    check(stage.measure());
}

TEST_CASE("lifetime: connections closed as soon as they are answered")
{
    Stage stage;
    start_visits(stage, 20, 50, Until::answered);
    check(stage.measure(), {.share = 0, .complete = false});
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
        self.wait_until_owned(young);
        self.exchange(old, 400'000, 300'000);
        self.exchange(young, 40'000, 30'000);
        self.exit();
    });
    check(stage.measure());
}

TEST_CASE("lifetime: processes with one connection each")
{
    Stage stage;
    constexpr int processes = 60;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, processes, small, Until::owned);
    });
    stage.start("t-parent", [](Self& self) {
        self.step();
        for (int process = 0; process < processes; ++process) {
            self.child("t-child", [](Self& child) { child.visit(local4, small, Until::owned); });
        }
        for (int process = 0; process < processes; ++process)
            must(::wait(nullptr), "wait");
    });
    check(stage.measure());
}
