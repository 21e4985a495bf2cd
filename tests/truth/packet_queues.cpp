// SPDX-License-Identifier: MIT
// What waits in the queues of sockets at an end of the window, for a backend that sees packets: with sock_diag, and
// with /proc/net alone.
#include "exact.hpp"

using namespace truth;

namespace {

#define TRUTH_PACKETS_ONLY()                                                                                           \
    do {                                                                                                               \
        if (backend_name() != "packet") {                                                                              \
            TRUTH_SKIP("it sees sockets, not packets");                                                                \
        }                                                                                                              \
    } while (false)

Place without_diag(const Stage& stage)
{
    Place place = stage.place();
    place.sock_diag = false;
    return place;
}

} // namespace

TEST_CASE("queues: without sock_diag, bytes that nobody read yet, and some from before the window")
{
    TRUTH_PACKETS_ONLY();
    Stage stage;
    start_connection(
        stage,
        [](Self& self, int fd) {
            self.wait_for_bytes(fd, 50'000);
            self.receive(fd, 10'000);
        },
        [](Self& self, int fd) { self.send(fd, 50'000); });
    stage.start("t-late", [](Self& self) {
        const int fd = self.accept(self.listen({"127.0.0.1", 7005}));
        self.step();
        self.receive(fd, 20'000); // no packet shows it
    });
    stage.start("t-early", [](Self& self) {
        const int fd = self.connect({"127.0.0.1", 7005});
        self.send(fd, 20'000);
        self.step();
    });
    check(stage.measure({.place = without_diag(stage)}));
}

TEST_CASE("queues: without sock_diag, what was written and not sent is not known, and a note says so")
{
    TRUTH_PACKETS_ONLY();
    Stage stage;
    start_connection(
        stage, [](Self& self, int fd) { self.receive(fd, 10'000); },
        [](Self& self, int fd) { self.send_until_stuck(fd); });
    const Measured measured = stage.measure({.place = without_diag(stage)});
    INFO(describe(measured.report));
    CHECK_FALSE(measured.report.complete);
    CHECK(measured.report.has_note("queues-unseen"));
    CHECK(measured.report.rx_bytes == 10'000U);
    CHECK(measured.report.tx_bytes < sum(measured.truth).tx_bytes);
}

TEST_CASE("queues: half-closed, and the end of it unread")
{
    TRUTH_PACKETS_ONLY();
    const auto run = [](bool sock_diag) {
        Stage stage;
        start_connection(
            stage,
            [](Self& self, int fd) {
                wait_for(fd, POLLRDHUP);
                self.receive(fd, 30'000);
            },
            [](Self& self, int fd) {
                self.send(fd, 70'000);
                must(::shutdown(fd, SHUT_WR), "shutdown");
            });
        Place place = stage.place();
        place.sock_diag = sock_diag;
        return stage.measure({.place = place});
    };
    SUBCASE("sock_diag") { check(run(true)); }
    SUBCASE("/proc/net") { check(run(false)); }
}
