// SPDX-License-Identifier: MIT
// What is left without sock_diag and BPF: every socket at its process, and no figure that nobody has counted.
#include "stage.hpp"

#include <map>

using namespace truth;

namespace {

const std::vector<std::string> by_procfs{"-b", "procfs"};

/// Server and client with three connections each, two of which live through the window, and datagram sockets beside
/// them, connected and not. The workers hold as many sockets at both ends, or at the one that is named.
void start_sockets(Stage& stage)
{
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        const int v6 = self.listen({"::", 7010});
        self.accept(listener);
        self.accept(v6);
        self.step();
        self.accept(listener); // of t-late
        self.step();
    });
    stage.start("t-client", [](Self& self) {
        self.connect(local4);
        self.connect({"127.0.0.1", 7010});
        const int connected = self.udp({"127.0.0.1", 7002});
        self.aim(connected, {"127.0.0.1", 7003});
        self.udp({"::1", 7003});
        self.udp({"0.0.0.0", 7004});
        self.step();
        self.step();
    });
    stage.start("t-late", [](Self& self) {
        self.step();
        self.connect(local4);
        self.step();
    });
    stage.start("t-early", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7006});
        self.udp({"127.0.0.1", 7007});
        self.step();
        self.close(fd);
        self.step();
    });
    stage.start("t-none", [](Self& self) {
        self.step();
        self.step();
    });
}

std::map<std::string, std::uint64_t> sockets_of(const Report& report)
{
    std::map<std::string, std::uint64_t> sockets;
    for (const Row& row : report.rows) {
        CHECK(row.pid.has_value());
        CHECK_FALSE(row.rx_bytes.has_value());
        CHECK_FALSE(row.tx_bytes.has_value());
        CHECK(row.attribution == "owner");
        sockets[row.process] += row.connections;
    }
    return sockets;
}

void check_procfs(const Report& report)
{
    CHECK(report.backend == "procfs");
    CHECK_FALSE(report.complete);
    CHECK(report.has_note("no-bytes"));
}

} // namespace

TEST_CASE("procfs: the sockets of each process at either end of a window, without bytes" * doctest::test_suite("alone"))
{
    Stage stage;
    start_sockets(stage);
    const Report report = stage.measure({.arguments = by_procfs}).report;
    INFO(describe(report));
    check_procfs(report);
    const std::map<std::string, std::uint64_t> expected{
        {"t-server", 3}, {"t-client", 5}, {"t-late", 1}, {"t-early", 2}};
    CHECK(sockets_of(report) == expected);
}

TEST_CASE("procfs: the sockets of each process now" * doctest::test_suite("alone"))
{
    Stage stage;
    start_sockets(stage);
    stage.advance();
    const Report report = expect_success(Tool(stage.place(), 0ms, by_procfs).finish());
    INFO(describe(report));
    check_procfs(report);
    const std::map<std::string, std::uint64_t> expected{
        {"t-server", 3}, {"t-client", 5}, {"t-late", 1}, {"t-early", 1}};
    CHECK(sockets_of(report) == expected);
}

TEST_CASE("procfs: chosen by their interface, sockets with another's address are left out" *
          doctest::test_suite("alone"))
{
    Stage stage;
    const Netns far;
    join(stage.netns(), far);
    stage.start("t-near", [](Self& self) {
        const int fd = self.udp({near4, 7001});
        self.aim(fd, {far4, 7002});
        self.step();
    });
    stage.start("t-lo", [](Self& self) {
        self.udp({"127.0.0.1", 7003});
        self.udp({"::1", 7003});
        self.step();
    });
    stage.start("t-far", {.net = &far}, [](Self& self) {
        self.udp({far4, 7002});
        self.step();
    });
    std::vector<std::string> arguments = by_procfs;
    std::map<std::string, std::uint64_t> expected;
    SUBCASE("veth")
    {
        arguments.insert(arguments.end(), {"--interface", "near"});
        expected = {{"t-near", 1}};
    }
    SUBCASE("lo")
    {
        arguments.insert(arguments.end(), {"--interface", "lo"});
        expected = {{"t-lo", 2}};
    }
    const Report report = stage.measure({.arguments = arguments}).report;
    INFO(describe(report));
    check_procfs(report);
    CHECK(sockets_of(report) == expected);
}

TEST_CASE("procfs: ends and protocol of each socket, mapped addresses as v4" * doctest::test_suite("alone"))
{
    Stage stage;
    start_sockets(stage);
    auto arguments = by_procfs;
    arguments.insert(arguments.end(), {"--by", "connection", "--name", "t-client"});
    const Report report = stage.measure({.arguments = arguments}).report;
    INFO(describe(report));
    std::map<std::uint64_t, Row> by_local_port; // of the datagram sockets
    std::map<std::uint64_t, Row> by_remote_port;
    for (const Row& row : report.rows) {
        (row.protocol == "udp" ? by_local_port[row.local_port] : by_remote_port[row.remote_port]) = row;
    }
    REQUIRE(by_remote_port.size() == 2);
    CHECK(by_remote_port.at(7010).remote_address == "127.0.0.1");
    CHECK(by_remote_port.at(7000).local_address == "127.0.0.1");
    REQUIRE(by_local_port.size() == 3);
    CHECK(by_local_port.at(7002).remote_port == 7003);
    CHECK(by_local_port.at(7003).local_address == "::1");
    CHECK(by_local_port.at(7003).remote_address.empty());
    CHECK(by_local_port.at(7004).local_address == "0.0.0.0");
}

TEST_CASE("procfs: the same addresses and ports in two network namespaces, and one that is not wanted" *
          doctest::test_suite("alone"))
{
    Stage stage;
    const Netns second;
    const auto start = [&](const std::string& name, const Place& place, int connections) {
        stage.start(name + "-srv", place, [=](Self& self) {
            const int listener = self.listen(local4);
            for (int count = 0; count < connections; ++count) {
                self.accept(listener);
            }
            self.step();
        });
        stage.start(name + "-cli", place, [=](Self& self) {
            for (int count = 0; count < connections; ++count) {
                self.connect(local4, {"127.0.0.1", static_cast<std::uint16_t>(7100 + count)});
            }
            self.udp({"127.0.0.1", 7001});
            self.step();
        });
    };
    start("t-one", stage.place(), 2);
    start("t-two", {.net = &second}, 3);
    std::map<std::string, std::uint64_t> expected{{"t-one-srv", 2}, {"t-one-cli", 3}};
    auto arguments = by_procfs;
    SUBCASE("both") { expected.merge(std::map<std::string, std::uint64_t>{{"t-two-srv", 3}, {"t-two-cli", 4}}); }
    SUBCASE("the current one") { arguments.insert(arguments.end(), {"--netns", "current"}); }
    Report report = stage.measure({.arguments = arguments}).report;
    INFO(describe(report));
    check_procfs(report);
    std::erase_if(report.rows, [](const Row& row) { return !row.pid; }); // what goes on on this machine
    CHECK(sockets_of(report) == expected);
}
