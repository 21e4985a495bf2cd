// SPDX-License-Identifier: MIT
// MPTCP: a connection of several TCP ones, of which each byte is counted once.
#include "exact.hpp"
#include "messages.hpp"
#include "splice.hpp"

using namespace truth;

TEST_CASE("exact: MPTCP is counted once")
{
    TRUTH_EXACT_ONLY();
    if (!has_protocol(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)) {
        TRUTH_SKIP("this kernel has no MPTCP");
    }
    const auto run = [](int client_protocol) {
        Stage stage;
        stage.start("t-server", [=](Self& self) {
            const int listener = self.listen(local4, IPPROTO_MPTCP);
            self.step();
            for (int count = 0; count < 2; ++count) {
                self.exchange(self.accept(listener), 700'000, 1'100'000);
            }
        });
        stage.start("t-client", [=](Self& self) {
            self.step();
            for (int count = 0; count < 2; ++count) {
                const int fd = open_socket(AF_INET, SOCK_STREAM, client_protocol);
                self.aim(self.adopt(fd), local4);
                self.exchange(fd, 1'100'000, 700'000);
            }
        });
        return stage.measure();
    };
    SUBCASE("at both ends") { check(run(IPPROTO_MPTCP)); }
    SUBCASE("at one end, which falls back to TCP") { check(run(IPPROTO_TCP)); }
}

TEST_CASE("exact: splice in and sendfile, on MPTCP")
{
    TRUTH_EXACT_ONLY();
    if (!has_protocol(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)) {
        TRUTH_SKIP("this kernel has no MPTCP");
    }
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4, IPPROTO_MPTCP);
        self.step();
        splice_in(self, self.accept(listener), 1'000'000);
    });
    stage.start("t-client", [](Self& self) {
        self.step();
        const int fd = self.adopt(open_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
        self.aim(fd, local4);
        send_file(self, fd, 1'000'000);
    });
    check(stage.measure());
}
