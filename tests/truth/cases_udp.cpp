// SPDX-License-Identifier: MIT
// UDP: exact where the backend can count it; null and said so where it cannot.
#include "stage.hpp"

#include <algorithm>

using namespace truth;

TEST_CASE("udp: both ways")
{
    Stage stage;
    constexpr int datagrams = 40; // no more than a receive buffer holds
    const At left{"127.0.0.1", 7001};
    const At right{"127.0.0.1", 7002};
    const auto talk = [](Self& self, const At& own, const At& peer, std::size_t size) {
        const int fd = self.udp(own);
        self.step();
        self.sleep(50ms); // the other is bound by now
        for (int count = 0; count < datagrams; ++count)
            self.send_datagram(fd, peer, size);
        for (int count = 0; count < datagrams; ++count)
            self.receive_datagram(fd);
    };
    stage.start("t-left", [&](Self& self) { talk(self, left, right, 1000); });
    stage.start("t-right", [&](Self& self) { talk(self, right, left, 200); });
    const Measured measured = stage.measure();
    if (measured.report.backend != "netlink") {
        check(measured);
        return;
    }
    INFO(measured.report.text);
    CHECK_FALSE(measured.report.complete);
    CHECK(measured.report.has_note("udp-bytes"));
    CHECK(measured.report.rx_bytes == 0);
    CHECK(measured.report.tx_bytes == 0);
    CHECK(measured.report.rows.size() == 2);
    for (const auto& entry : measured.truth) { // not a structured binding: clang 14 cannot capture one
        const Identity& identity = entry.first;
        const Figures& figures = entry.second;
        const auto row = std::find_if(measured.report.rows.begin(), measured.report.rows.end(),
                                      [&](const Row& each) { return each.pid == identity.pid; });
        REQUIRE(row != measured.report.rows.end());
        CHECK(row->start_time == identity.start_time);
        CHECK(row->process == figures.name);
        CHECK_FALSE(row->rx_bytes.has_value());
        CHECK_FALSE(row->tx_bytes.has_value());
        CHECK(row->connections == 1);
    }
}

TEST_CASE("udp: TCP beside it keeps its figures")
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        self.receive(fd, 123'456);
    });
    stage.start("t-client", [](Self& self) {
        const int datagrams = self.udp({"127.0.0.1", 7001});
        const int fd = self.connect(local4);
        self.step();
        self.send(fd, 123'456);
        (void)datagrams; // open, and silent
    });
    check(stage.measure(), {.complete = false});
}
