// SPDX-License-Identifier: MIT
// Without a window: what each open socket has moved since it was opened, and who holds it.
#include "stage.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

using namespace truth;

namespace {

/// The ebpf backend sees the whole machine: only what is on the generator's port is to be judged.
const std::vector<std::string> on_our_port{"--port", "7000"};

void start_pair(Stage& stage, const Place& place, const std::string& name, const At& server, const At& client)
{
    stage.start(name + "-srv", place, [=](Self& self) {
        const int fd = self.accept(self.listen(server));
        self.exchange(fd, 8'000'000, 1'000'000);
        self.step();
    });
    stage.start(name + "-cli", place, [=](Self& self) {
        const int fd = self.connect(client);
        self.exchange(fd, 1'000'000, 8'000'000);
        self.step();
    });
}

const Row* row_of(const Report& report, const std::string& process)
{
    const auto found =
        std::find_if(report.rows.begin(), report.rows.end(), [&](const Row& row) { return row.process == process; });
    return found == report.rows.end() ? nullptr : &*found;
}

} // namespace

TEST_CASE("totals: v4, v6 and v4-mapped" * doctest::test_suite("alone"))
{
    Stage stage;
    SUBCASE("v4") { start_pair(stage, stage.place(), "t-v4", local4, local4); }
    SUBCASE("v6") { start_pair(stage, stage.place(), "t-v6", local6, local6); }
    SUBCASE("mapped") { start_pair(stage, stage.place(), "t-map", {"::", 7000}, {"::ffff:127.0.0.1", 7000}); }
    check(stage.totals({.arguments = on_our_port}));
}

TEST_CASE("totals: mapped addresses are those of IPv4" * doctest::test_suite("alone"))
{
    Stage stage;
    start_pair(stage, stage.place(), "t-map", {"::", 7000}, {"::ffff:127.0.0.1", 7000});
    const Measured measured = stage.totals({.arguments = {"--port", "7000", "--by", "connection"}});
    INFO(describe(measured.report));
    REQUIRE(measured.report.rows.size() == 2);
    for (const Row& row : measured.report.rows) {
        CHECK(row.local_address == "127.0.0.1");
        CHECK(row.remote_address == "127.0.0.1");
        CHECK(row.attribution == "owner");
    }
}

TEST_CASE("totals: what is not read yet, and a side that has been shut" * doctest::test_suite("alone"))
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        const int half_read = self.accept(listener);
        self.receive(half_read, 40'000);
        const int ended = self.accept(listener);
        self.receive_to_end(ended);
        self.step();
    });
    stage.start("t-client", [](Self& self) {
        self.send(self.connect(local4), 100'000);
        const int shut = self.connect(local4);
        self.send(shut, 70'000);
        must(::shutdown(shut, SHUT_WR), "shutdown");
        self.step();
    });
    check(stage.totals({.arguments = on_our_port}));
}

TEST_CASE("totals: another network namespace" * doctest::test_suite("alone"))
{
    if (!bar_of(backend_name()).every_namespace) {
        TRUTH_SKIP("it sees one network namespace");
    }
    Stage stage;
    const Netns far;
    start_pair(stage, {.net = &far}, "t-far", local4, local4);
    start_pair(stage, stage.place(), "t-near", local4, local4);
    check(stage.totals({.arguments = on_our_port}));
}

TEST_CASE("totals: a network namespace in which no process lives" * doctest::test_suite("alone"))
{
    Stage stage;
    stage.start("t-visitor", [](Self& self) {
        const Netns empty; // lives by this descriptor
        {
            const Inside inside(empty);
            const int listener = self.listen(local4);
            self.send(self.connect(local4), 54'321);
            self.receive(self.accept(listener), 54'321);
        }
        self.step();
    });
    check(stage.totals({.arguments = on_our_port}));
}

TEST_CASE("totals: a connection that two processes hold is marked shared and counted once" *
          doctest::test_suite("alone"))
{
    Stage stage;
    stage.start("t-parent", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.await_rest(self.child("t-child", [=](Self& heir) {
            heir.adopt(fd);
            heir.rest();
        }));
        self.exchange(fd, 400'000, 100'000);
        self.step();
    });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        self.exchange(fd, 100'000, 400'000);
        self.step();
    });
    const Measured measured = stage.totals({.arguments = on_our_port});
    check(measured, {.complete = false, .sharers = {"t-parent", "t-child"}});
    CHECK(measured.report.has_note("shared-sockets"));
}

TEST_CASE("totals: a connection that nobody has accepted" * doctest::test_suite("alone"))
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        self.listen(local4);
        self.step();
    });
    stage.start("t-client", [](Self& self) {
        self.send(self.connect(local4), 5000);
        self.step();
    });
    const Measured measured = stage.totals({.arguments = on_our_port});
    check(measured);
    const Row* row = row_of(measured.report, "[unaccepted]");
    INFO(describe(measured.report));
    REQUIRE(row != nullptr);
    CHECK(row->connections == 1);
    CHECK(row->rx_bytes == 0);
    CHECK(row->tx_bytes == 0);
}

TEST_CASE("totals: the bytes of a UDP socket are null, and a note says so" * doctest::test_suite("alone"))
{
    Stage stage;
    stage.start("t-udp", [](Self& self) {
        const int fd = self.udp(local4);
        self.send_datagram(fd, local4, 100);
        self.step();
    });
    const Measured measured = stage.totals({.arguments = on_our_port});
    INFO(describe(measured.report));
    const Row* row = row_of(measured.report, "t-udp");
    REQUIRE(row != nullptr);
    CHECK(row->connections == 1);
    CHECK_FALSE(row->rx_bytes.has_value());
    CHECK_FALSE(row->tx_bytes.has_value());
    CHECK(measured.report.has_note("udp-bytes"));
}
