// SPDX-License-Identifier: MIT
// TCP as it is: families, directions, ways to close, bytes that stay in queues.
#include "exact.hpp"

#include <algorithm>
#include <stdexcept>

using namespace truth;

namespace {

struct Pair {
    std::string name; // at most 12 bytes: "-srv" and "-cli" follow
    At server;
    At client;
    std::size_t up; // bytes from client to server within the window
    std::size_t down;
};

/// A server and a client with one connection that moved bytes before the window, moves some in it, and stays.
void start_pair(Stage& stage, const Place& server, const Place& client, const Pair& pair)
{
    stage.start(pair.name + "-srv", server, [=](Self& self) {
        const int fd = self.accept(self.listen(pair.server));
        self.exchange(fd, 12'345, 54'321);
        self.step();
        self.exchange(fd, pair.down, pair.up);
    });
    stage.start(pair.name + "-cli", client, [=](Self& self) {
        const int fd = self.connect(pair.client);
        self.exchange(fd, 54'321, 12'345);
        self.step();
        self.exchange(fd, pair.up, pair.down);
    });
}

void start_pair(Stage& stage, const Pair& pair) { start_pair(stage, stage.place(), stage.place(), pair); }

} // namespace

TEST_CASE("tcp: v4, v6 and v4-mapped on loopback, down, up and both at once")
{
    Stage stage;
    Place place = stage.place();
    SUBCASE("with sock_diag") {}
    if (backend_name() == "packet") { // the only one that does without
        SUBCASE("without it") { place.sock_diag = false; }
    }
    start_pair(stage, {"t-v4-down", {"127.0.0.1", 7001}, {"127.0.0.1", 7001}, 0, 8'000'000});
    start_pair(stage, {"t-v4-up", {"0.0.0.0", 7002}, {"127.0.0.2", 7002}, 8'000'000, 0});
    start_pair(stage, {"t-v6", {"::1", 7003}, {"::1", 7003}, 3'000'000, 4'000'000});
    start_pair(stage, {"t-map-srv", {"::", 7004}, {"127.0.0.1", 7004}, 1'000'000, 2'000'000});
    start_pair(stage, {"t-map-cli", {"0.0.0.0", 7005}, {"::ffff:127.0.0.1", 7005}, 2'000'000, 1'000'000});
    start_pair(stage, {"t-map-both", {"::", 7006}, {"::ffff:127.0.0.1", 7006}, 1, 0});
    start_pair(stage, {"t-idle", {"::", 7007}, {"::1", 7007}, 0, 0});
    check(stage.measure({.place = place}));
}

TEST_CASE("tcp: over veth, each side seen from its own namespace")
{
    Stage stage;
    const Netns far;
    join(stage.netns(), far);
    start_pair(stage, {.net = &far}, stage.place(), {"t-v4", {"0.0.0.0", 7001}, {far4, 7001}, 2'000'000, 5'000'000});
    start_pair(stage, stage.place(), {.net = &far}, {"t-v6", {"::", 7002}, {near6, 7002}, 3'000'000, 1'000'000});
    start_pair(stage, stage.place(), {.net = &far}, {"t-map", {"::", 7003}, {near4, 7003}, 30'000, 10'000});

    SUBCASE("near") { check(stage.measure()); }
    SUBCASE("far") { check(stage.measure({.place = Place{.net = &far}})); }
}

TEST_CASE("tcp: the figures of each connection")
{
    Stage stage;
    constexpr std::uint16_t first_port = 7100;
    constexpr int connections = 8;
    const auto up = [](int index) { return static_cast<std::size_t>(1000 * index + 1); };
    const auto down = [](int index) { return static_cast<std::size_t>(70'000 * index); };
    const auto client_port = [](int index) { return static_cast<std::uint16_t>(first_port + index); };

    stage.start("t-server", [&](Self& self) {
        const int listener = self.listen(local4);
        std::vector<int> fds;
        for (int index = 0; index < connections; ++index)
            fds.push_back(self.accept(listener));
        self.step();
        for (int index = 0; index < connections; ++index)
            self.exchange(fds.at(static_cast<std::size_t>(index)), down(index), up(index));
    });
    stage.start("t-client", [&](Self& self) {
        std::vector<int> fds;
        for (int index = 0; index < connections; ++index)
            fds.push_back(self.connect(local4, {"127.0.0.1", client_port(index)}));
        self.step();
        for (int index = 0; index < connections; ++index)
            self.exchange(fds.at(static_cast<std::size_t>(index)), up(index), down(index));
    });
    const Measured measured = stage.measure({.arguments = {"--by", "connection"}});
    INFO(describe(measured.report));
    CHECK(measured.report.complete);
    const std::uint64_t bar = bar_of(measured.report.backend).bytes_per_connection;
    for (int index = 0; index < connections; ++index) {
        int ends = 0;
        for (const Row& row : measured.report.rows) {
            const bool client = row.local_port == client_port(index);
            if (!client && row.remote_port != client_port(index))
                continue;
            ++ends;
            CHECK(row.process == (client ? "t-client" : "t-server"));
            CHECK(row.protocol == "tcp");
            CHECK(row.local_address == "127.0.0.1");
            CHECK(row.remote_address == "127.0.0.1");
            CHECK(row.connections == 1);
            CHECK(within(row.rx_bytes.value_or(0), client ? down(index) : up(index), bar));
            CHECK(within(row.tx_bytes.value_or(0), client ? up(index) : down(index), bar));
        }
        CHECK(ends == 2);
    }
}

TEST_CASE("tcp: 2,000 connections of one client and one server")
{
    constexpr int connections = 2000;
    const auto run = [&](bool keep) {
        Stage stage;
        stage.start("t-server", [&](Self& self) {
            const int listener = self.listen(local4);
            self.step();
            for (int count = 0; count < connections; ++count) {
                const int fd = self.accept(listener);
                self.exchange(fd, 300, 100);
                if (!keep)
                    self.receive_to_end(fd);
                if (!keep)
                    self.close(fd);
            }
        });
        stage.start("t-client", [&](Self& self) {
            self.step();
            for (int count = 0; count < connections; ++count) {
                const int fd = self.connect(local4);
                self.exchange(fd, 100, 300);
                if (!keep)
                    self.close(fd);
            }
        });
        return stage.measure();
    };
    SUBCASE("that stay open") { check(run(true)); }
    SUBCASE("each gone at once") { check(run(false), {.share = 0, .complete = false}); }
}

TEST_CASE("tcp: half-closed, the other half goes on")
{
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        self.receive_to_end(fd);
        self.send(fd, 3'000'000);
    });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        self.step();
        self.send(fd, 500'000);
        must(::shutdown(fd, SHUT_WR), "shutdown");
        self.receive(fd, 3'000'000);
    });
    check(stage.measure());
}

TEST_CASE("tcp: closed within the window, by either side, in either way")
{
    const auto run = [](Closing how) {
        Stage stage;
        const auto start = [&](const std::string& name, const At& at, bool client_first) {
            const auto talk = [=](Self& self, int fd, std::size_t tx, std::size_t rx, bool first) {
                self.exchange(fd, 1000, 1000);
                self.step();
                self.exchange(fd, tx, rx);
                if (first) {
                    self.await_call(name);
                } else {
                    self.call(name);
                    wait_for(fd, POLLRDHUP);
                }
                self.close(fd, first ? how : Closing::orderly);
            };
            stage.start(name + "-srv",
                        [=](Self& self) { talk(self, self.accept(self.listen(at)), 40'000, 900'000, !client_first); });
            stage.start(name + "-cli",
                        [=](Self& self) { talk(self, self.connect(at), 900'000, 40'000, client_first); });
        };
        start("t-first-cli", local4, true);
        start("t-first-srv", local6, false);
        return stage.measure();
    };
    SUBCASE("by FIN") { check(run(Closing::orderly)); }
    SUBCASE("by RST") { check(run(Closing::reset), after_reset_of({"t-first-cli-cli", "t-first-srv-srv"})); }
}

TEST_CASE("tcp: closed with data that was never read")
{
    const auto run = [](bool writer_closes) {
        Stage stage;
        stage.start("t-writer", [=](Self& self) {
            const int fd = self.accept(self.listen(local4));
            self.step();
            self.send(fd, 50'000);
            wait_for(fd, POLLHUP);
            if (writer_closes)
                self.close(fd);
        });
        stage.start("t-quitter", [](Self& self) {
            const int fd = self.connect(local4);
            self.step();
            self.wait_for_bytes(fd, 50'000);
            self.receive(fd, 20'000);
            self.close(fd); // answers with RST
        });
        return stage.measure();
    };
    const auto judge_run = [](const Measured& measured, const Expect& expect) {
        if (bar_of(backend_name()).vouches_for_reset || !bar_of(backend_name()).survives_reset) {
            check(measured, expect);
            return;
        }
        INFO(describe(measured.report)); // it sees what was sent, and how that ended, but not the reader's queue
        CHECK_FALSE(measured.report.complete);
        CHECK(measured.report.has_note("queues-unseen"));
        CHECK(measured.report.tx_bytes == sum(measured.truth).tx_bytes);
        CHECK(measured.report.rx_bytes == measured.report.tx_bytes);
    };
    SUBCASE("and both descriptors closed") { judge_run(run(true), {}); }
    SUBCASE("and the descriptor of the dead connection kept") { judge_run(run(false), after_reset_of({"t-writer"})); }
}

TEST_CASE("tcp: bytes that stay in the queues are sent, and not received")
{
    Stage stage;
    stage.start("t-reader", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        self.receive(fd, 10'000);
    });
    stage.start("t-stuck", [](Self& self) {
        const int fd = self.connect(local4);
        self.step();
        self.send_until_stuck(fd);
    });
    check(stage.measure());
}

TEST_CASE("tcp: queues that were full before the window and are emptied in it")
{
    Stage stage;
    stage.start("t-reader", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        self.receive(fd, 500'000);
    });
    stage.start("t-sender", [](Self& self) {
        const int fd = self.connect(local4);
        self.send(fd, 500'000);
        self.step(); // its bytes were sent before; nothing now
    });
    check(stage.measure());
}

TEST_CASE("tcp: a connection that nobody accepts")
{
    Stage stage;
    stage.start("t-server", [](Self& self) { self.listen(local4); });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        self.step();
        self.send(fd, 5000);
    });
    check(stage.measure());
}

TEST_CASE("tcp: counters that start again, by an AF_UNSPEC reconnect")
{
    const auto run = [](std::size_t before, std::size_t within, std::size_t after) {
        Stage stage;
        stage.start("t-server", [=](Self& self) {
            const int listener = self.listen(local4);
            const int first = self.accept(listener);
            self.receive(first, before);
            self.step();
            self.receive(first, within);
            const int second = self.accept(listener);
            self.receive(second, after);
        });
        stage.start("t-again", [=](Self& self) {
            const int fd = self.connect(local4);
            self.send(fd, before);
            self.step();
            self.send(fd, within);
            self.wait_until_acknowledged();
            self.reconnect(fd, local4);
            self.send(fd, after);
        });
        return stage.measure();
    };
    SUBCASE("to less than before") { check(run(500'000, 40'000, 3000), after_reset_of({"t-again", "t-server"})); }
    SUBCASE("to more than before") { check(run(3000, 40'000, 500'000), after_reset_of({"t-again", "t-server"})); }
}
