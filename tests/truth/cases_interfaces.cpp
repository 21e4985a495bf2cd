// SPDX-License-Identifier: MIT
// What an interface moved, to the byte and packet; and sockets chosen by their interface.
#include "stage.hpp"

#include <map>
#include <set>

#include <sys/wait.h>

using namespace truth;

namespace {

constexpr Link second{"near2", "far2", "10.78.0.1", "10.78.0.2", nullptr, nullptr};
constexpr Link quiet{"near", "far", near4, far4, nullptr, nullptr};

constexpr std::uint64_t headers = 14 + 20 + 8; // Ethernet, IP, UDP
constexpr std::uint64_t datagrams = 40;
constexpr std::uint64_t request = 1000;
constexpr std::uint64_t reply = 200;

/// The first datagrams, before the window, make both ends known to each other (ARP).
void talk(Self& self, const At& own, const At& peer, std::size_t size)
{
    const int fd = self.udp(own);
    self.step(); // the other is bound by now
    self.send_datagram(fd, peer, size);
    self.receive_datagram(fd);
    self.step();
    for (std::uint64_t count = 0; count < datagrams; ++count) { // in turn, so that no buffer runs over
        self.send_datagram(fd, peer, size);
        self.receive_datagram(fd);
    }
}

void start_pair(Stage& stage, const std::string& name, const Place& server, const At& at, std::size_t up,
                std::size_t down)
{
    stage.start(name + "-srv", server, [=](Self& self) {
        const int fd = self.accept(self.listen({"0.0.0.0", at.port}));
        self.step();
        self.exchange(fd, down, up);
    });
    stage.start(name + "-cli", stage.place(), [=](Self& self) {
        const int fd = self.connect(at);
        self.step();
        self.exchange(fd, up, down);
    });
}

} // namespace

TEST_CASE("interface: bytes and packets of each, and which is the way out")
{
    Stage stage;
    const Netns far;
    const Netns other;
    for (const Netns* place : {&stage.netns(), &far, &other}) {
        disable_v6(*place);
    }
    join(stage.netns(), far, quiet);
    join(stage.netns(), other, second);
    std::vector<std::string> outbound{"fallback", ""};
    SUBCASE("by a route")
    {
        set_default_route(stage.netns(), second.far4);
        outbound = {"", "default"};
    }
    SUBCASE("by being up") {}
    const At near_end{near4, 7001};
    const At far_end{far4, 7002};
    stage.start("t-near", [&](Self& self) { talk(self, near_end, far_end, request); });
    stage.start("t-far", {.net = &far}, [&](Self& self) { talk(self, far_end, near_end, reply); });
    stage.advance();
    const Report report = stage.measure({.arguments = {"--by", "interface"}}).report;
    INFO(describe(report));
    CHECK(report.complete);
    CHECK(report.layer == "link");
    REQUIRE(report.rows.size() == 2);
    const Row& row = report.rows[0];
    CHECK(row.interface == "near");
    CHECK(row.tx_bytes == datagrams * (headers + request));
    CHECK(row.rx_bytes == datagrams * (headers + reply));
    CHECK(row.tx_packets == datagrams);
    CHECK(row.rx_packets == datagrams);
    CHECK(report.rows[1].interface == "near2");
    CHECK(report.rows[1].tx_bytes == 0);
    CHECK(report.rows[1].rx_bytes == 0);
    CHECK(std::vector<std::string>{row.outbound, report.rows[1].outbound} == outbound);
    CHECK(report.tx_bytes == row.tx_bytes);
    CHECK(report.rx_bytes == row.rx_bytes);
}

TEST_CASE("interface: chosen by it, sockets of other interfaces and namespaces are left out")
{
    Stage stage;
    const Netns far;
    const Netns other;
    join(stage.netns(), far);
    join(stage.netns(), other, second);
    start_pair(stage, "t-one", {.net = &far}, {far4, 7001}, 100'000, 3'000);
    start_pair(stage, "t-two", {.net = &other}, {second.far4, 7002}, 20'000, 70'000);
    start_pair(stage, "t-lo", stage.place(), {"127.0.0.1", 7003}, 5'000, 6'000);
    start_pair(stage, "t-self", stage.place(), {near4, 7004}, 7'000, 8'000);

    std::vector<std::string> arguments;
    std::set<std::string> expected;
    SUBCASE("the first")
    {
        arguments = {"--interface", "near"};
        expected = {"t-one-cli"};
    }
    SUBCASE("the second")
    {
        arguments = {"--interface", "near2"};
        expected = {"t-two-cli"};
    }
    SUBCASE("both, and loopback, which also has what goes to an address of this machine")
    {
        arguments = {"--interface", "near,near2", "--interface", "lo"};
        expected = {"t-one-cli", "t-two-cli", "t-lo-srv", "t-lo-cli", "t-self-srv", "t-self-cli"};
    }
    SUBCASE("loopback")
    {
        arguments = {"--interface", "lo"};
        expected = {"t-lo-srv", "t-lo-cli", "t-self-srv", "t-self-cli"};
    }
    const Measured measured = stage.measure({.arguments = arguments});
    INFO(describe(measured.report));
    CHECK(measured.report.complete);
    const std::uint64_t bar = bar_of(measured.report.backend).bytes_per_connection;
    std::set<std::string> found;
    for (const Row& row : measured.report.rows) {
        found.insert(row.process);
        const Figures figures =
            measured.truth.at({static_cast<pid_t>(row.pid.value_or(0)), row.start_time.value_or(0)});
        CHECK(within(row.rx_bytes.value_or(0), figures.rx_bytes, bar));
        CHECK(within(row.tx_bytes.value_or(0), figures.tx_bytes, bar));
    }
    CHECK(found == expected);
}

TEST_CASE(
    "interface: a socket bound to a device is that device's, one without device and address is nobody's, and told")
{
    Stage stage;
    const Netns far;
    join(stage.netns(), far);
    const auto send = [](Self& self, std::uint16_t port, bool bound) {
        const int fd = self.udp({"0.0.0.0", port});
        if (bound) {
            must(::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "near", 4), "bind to device");
        }
        self.step();
        self.send_datagram(fd, {far4, 7009}, 100);
    };
    stage.start("t-sink", {.net = &far}, [](Self& self) {
        const int fd = self.udp({far4, 7009});
        self.step();
        self.receive_datagram(fd);
        self.receive_datagram(fd);
    });
    stage.start("t-bound", [&](Self& self) { send(self, 7001, true); });
    stage.start("t-loose", [&](Self& self) { send(self, 7002, false); });
    const Report report = stage.measure({.arguments = {"--interface", "near"}}).report;
    INFO(describe(report));
    if (report.backend.ends_with("packet")) {
        CHECK(report.rows.size() == 2); // it saw the packets there
        CHECK(report.complete);
        return;
    }
    REQUIRE(report.rows.size() == 1);
    CHECK(report.rows[0].process == "t-bound");
    CHECK(report.has_note("filter-unjudged"));
    CHECK_FALSE(report.complete);
}

TEST_CASE("interface: one that does not exist is wrong usage")
{
    Stage stage;
    const Output output = Tool(stage.place(), 100ms, {"--interface", "nosuch0"}).finish();
    CHECK(WEXITSTATUS(output.status) == 2);
    CHECK(output.out.empty());
    CHECK(output.err.find("no such interface: \"nosuch0\"") != std::string::npos);
}
