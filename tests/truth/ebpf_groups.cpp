// SPDX-License-Identifier: MIT
// The figures by protocol and by connection of a mix of everything.
#include "exact.hpp"
#include "messages.hpp"

#include <netinet/ip_icmp.h>

#include <algorithm>
#include <set>

using namespace truth;

namespace {

const Figures& figures_of(const Measured& measured, const std::string& name)
{
    const auto found = std::find_if(measured.truth.begin(), measured.truth.end(),
                                    [&](const auto& entry) { return entry.second.name == name; });
    REQUIRE(found != measured.truth.end());
    return found->second;
}

/// One worker for each protocol, that talks with itself. Their names end with the protocol's.
void start_mix(Stage& stage)
{
    stage.start("t-mix-tcp", [](Self& self) {
        const int listener = self.listen({"127.0.0.1", 7001});
        const int client = self.connect({"127.0.0.1", 7001}, {"127.0.0.1", 7002});
        const int server = self.accept(listener);
        self.step();
        self.send(client, 12'345);
        self.receive(server, 12'345);
        self.send(server, 321);
        self.receive(client, 321);
        const int late = self.connect({"127.0.0.1", 7001}, {"127.0.0.1", 7005});
        self.send(late, 77);
        self.receive(self.accept(listener), 77);
    });
    stage.start("t-mix-udp", [](Self& self) {
        const int left = self.udp({"::1", 7003});
        const int right = self.udp({"::1", 7004});
        self.aim(left, {"::1", 7004});
        self.step();
        send_one(self, left, 1234);
        self.receive_datagram(right);
        self.send_datagram(right, {"::1", 7003}, 99);
        receive_one(self, left);
    });
    stage.start("t-mix-icmp", [](Self& self) {
        allow_ping_sockets();
        const int fd = open_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
        self.aim(fd, {"127.0.0.9", 0});
        self.step();
        ping(self, fd, ICMP_ECHO, 3, 56, 1);
    });
    stage.start("t-mix-raw", [](Self& self) {
        const int fd = open_socket(AF_INET, SOCK_RAW, experiment);
        self.aim(fd, {"127.0.0.1", 0});
        self.step();
        send_one(self, fd, 700);
        receive_one(self, fd);
    });
    stage.start("t-mix-packet", [](Self& self) {
        const PacketSocket socket = packet_socket(SOCK_DGRAM, "lo");
        self.step();
        inject(self, socket, 444);
    });
}
const std::set<std::string> mixed{"tcp", "udp", "icmp", "raw", "packet"};

} // namespace

TEST_CASE("exact: a mix by protocol" * doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    start_mix(stage);
    const Measured measured = stage.measure({.arguments = {"--by", "protocol", "--filter", "t-mix"}});
    INFO(describe(measured.report));
    CHECK(measured.report.complete);
    CHECK(measured.report.rows.size() == mixed.size());
    for (const Row& row : measured.report.rows) {
        REQUIRE(mixed.contains(row.protocol));
        const Figures& figures = figures_of(measured, "t-mix-" + row.protocol);
        CHECK(row.rx_bytes == figures.rx_bytes);
        CHECK(row.tx_bytes == figures.tx_bytes);
    }
}

TEST_CASE("exact: a mix by connection" * doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    start_mix(stage);
    const Measured measured = stage.measure({.arguments = {"--by", "connection"}});
    INFO(describe(measured.report));
    CHECK(measured.report.complete);
    const auto expect = [&](const Row& like) {
        const auto same = [&](const Row& row) {
            return row.protocol == like.protocol && row.local_address == like.local_address &&
                   row.remote_address == like.remote_address && row.local_port == like.local_port &&
                   row.remote_port == like.remote_port;
        };
        const auto& rows = measured.report.rows;
        const auto row = std::find_if(rows.begin(), rows.end(), same);
        INFO(like.protocol, " ", like.local_address, " ", like.local_port);
        REQUIRE(row != rows.end());
        CHECK(row->process == "t-mix-" + like.protocol);
        CHECK(row->rx_bytes == like.rx_bytes);
        CHECK(row->tx_bytes == like.tx_bytes);
        CHECK(row->port == like.port);
        CHECK(std::count_if(rows.begin(), rows.end(), same) == 1);
    };
    const auto like = [](const std::string& protocol, const At& local, const At& remote, std::uint64_t port,
                         std::uint64_t rx, std::uint64_t tx) {
        Row row;
        row.protocol = protocol;
        row.local_address = local.address;
        row.local_port = local.port;
        row.remote_address = remote.address;
        row.remote_port = remote.port;
        row.port = port;
        row.rx_bytes = rx;
        row.tx_bytes = tx;
        return row;
    };
    expect(like("tcp", {"127.0.0.1", 7001}, {"127.0.0.1", 7002}, 7001, 12'345, 321));
    expect(like("tcp", {"127.0.0.1", 7002}, {"127.0.0.1", 7001}, 7001, 321, 12'345));
    expect(like("tcp", {"127.0.0.1", 7001}, {"127.0.0.1", 7005}, 7001, 77, 0));
    expect(like("tcp", {"127.0.0.1", 7005}, {"127.0.0.1", 7001}, 7001, 0, 77));
    expect(like("udp", {"::1", 7003}, {"::1", 7004}, 7004, 99, 1234));
    expect(like("udp", {"::1", 7004}, {"::1", 7003}, 7003, 1234, 99));
    std::uint64_t rest_rx = 0;
    std::uint64_t rest_tx = 0;
    for (const Row& row : measured.report.rows) {
        if (row.protocol != "tcp" && row.protocol != "udp") {
            CHECK(row.process == "t-mix-" + row.protocol);
            rest_rx += row.rx_bytes.value_or(0);
            rest_tx += row.tx_bytes.value_or(0);
        }
    }
    CHECK(rest_rx == 3 * 64 + 720);
    CHECK(rest_tx == 3 * 64 + 700 + 444);
}

TEST_CASE("exact: a UDP socket that is connected to one place after another, by connection")
{
    TRUTH_EXACT_ONLY();
    At own{"127.0.0.1", 7010};
    At first{"127.0.0.1", 7011};
    At second{"127.0.0.2", 7011};
    SUBCASE("IPv4") {}
    SUBCASE("IPv6")
    {
        own = {"::1", 7010};
        first = {"::1", 7011};
        second = {"::1", 7012};
    }
    Stage stage;
    stage.start("t-mover", [=](Self& self) {
        self.udp(first); // or the sends would be refused
        self.udp(second);
        const int fd = self.udp(own);
        self.step();
        const std::string data(1000, 'x');
        self.aim(fd, first);
        self.count_tx(must(::send(fd, data.data(), 1000, 0), "send"));
        self.aim(fd, second);
        self.count_tx(must(::send(fd, data.data(), 30, 0), "send"));
    });
    const Measured measured = stage.measure({.arguments = {"--by", "connection"}});
    INFO(describe(measured.report));
    CHECK(measured.report.complete);
    REQUIRE(measured.report.rows.size() == 2);
    CHECK(measured.report.rows[0].remote_address == first.address);
    CHECK(measured.report.rows[0].remote_port == first.port);
    CHECK(measured.report.rows[0].tx_bytes == 1000);
    CHECK(measured.report.rows[1].remote_address == second.address);
    CHECK(measured.report.rows[1].remote_port == second.port);
    CHECK(measured.report.rows[1].tx_bytes == 30);
}
