// SPDX-License-Identifier: MIT
// Several processes that move bytes on one socket: each has what its own calls moved.
#include "exact.hpp"
#include "mingle.hpp"

using namespace truth;

TEST_CASE("exact: a forked pair on one connection, both moving bytes")
{
    TRUTH_EXACT_ONLY();
    constexpr std::size_t up = 900'000; // each
    const auto run = [](const std::vector<std::string>& arguments, bool other_namespace) {
        Stage stage;
        const Netns other;
        start_connection(
            stage, other_namespace ? Place{.net = &other} : stage.place(),
            [](Self& self, int fd) { answer_minglers(self, fd, 2'500'000, 2 * up); },
            [](Self& self, int fd) {
                const pid_t child = self.child("t-child", [=](Self& heir) { mingle(heir, heir.adopt(fd), up); });
                mingle(self, fd, up);
                self.join(child);
            });
        return stage.measure({.arguments = arguments});
    };
    SUBCASE("here") { check(run({}, false)); }
    SUBCASE("in another network namespace") { check(run({}, true)); }
    SUBCASE("by connection: a row for each") { check(run({"--by", "connection"}, false)); }
}

TEST_CASE("exact: a socket passed to another process mid-transfer, both moving bytes")
{
    TRUTH_EXACT_ONLY();
    constexpr std::size_t up = 900'000; // each
    Stage stage;
    stage.start("t-peer", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        answer_minglers(self, fd, 2'500'000, 2 * up + 100'000);
    });
    stage.start("t-giver", [](Self& self) {
        const int fd = self.connect(local4);
        self.step();
        self.send(fd, 100'000);
        self.pass_socket("truth-exact-pass", fd);
        mingle(self, fd, up);
    });
    stage.start("t-taker", [](Self& self) {
        self.step();
        mingle(self, self.adopt(self.take_socket("truth-exact-pass")), up);
    });
    check(stage.measure());
}
