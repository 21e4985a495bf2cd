// SPDX-License-Identifier: MIT
// Sockets of a network namespace in which no process lives: made inside by one that came back.
#include "exact.hpp"

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
