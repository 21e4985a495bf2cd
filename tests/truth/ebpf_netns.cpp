// SPDX-License-Identifier: MIT
// Sockets of a network namespace in which no process lives, made inside by one that came back; and of one that leaves
// no memory for what the tool notes at sockets.
#include "exact.hpp"

#include <fstream>

using namespace truth;

TEST_CASE("exact: a connection in a network namespace where no process lives")
{
    TRUTH_EXACT_ONLY();
    bool before = false;
    SUBCASE("made in the window") {}
    SUBCASE("made before the window") { before = true; }
    constexpr std::size_t bytes = 50'000; // the queues have room for it
    Stage stage;
    stage.start("t-self", [before](Self& self) {
        const Netns other;
        if (!before) {
            self.step();
        }
        int client = -1;
        int server = -1;
        {
            const Inside inside(other);
            const int listener = self.listen(local4);
            client = self.connect(local4);
            server = self.accept(listener);
        }
        if (before) {
            self.step();
        }
        for (int round = 0; round < 10; ++round) {
            self.send(client, bytes);
            self.receive(server, bytes);
        }
    });
    check(stage.measure());
}

TEST_CASE("exact: a connection that has no memory left for what the tool notes at sockets" *
          doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    {
        const Netns other;
        const Inside inside(other);
        if (!std::ofstream("/proc/sys/net/core/optmem_max")) { // Linux 6.8: of each namespace
            TRUTH_SKIP("this kernel has one limit for all namespaces");
        }
    }
    Stage stage;
    stage.start("t-self", [](Self& self) {
        const Netns other;
        self.step();
        const Inside inside(other);
        std::ofstream("/proc/sys/net/core/optmem_max") << 1 << std::flush;
        const int listener = self.listen(local4);
        const int client = self.connect(local4);
        const int server = self.accept(listener);
        for (int round = 0; round < 10; ++round) {
            self.send(client, 50'000);
            self.receive(server, 50'000);
        }
    });
    const Measured measured = stage.measure();
    check(measured, {.complete = false});
    CHECK(measured.report.has_note("socket-memory"));
}
