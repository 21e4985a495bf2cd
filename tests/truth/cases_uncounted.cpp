// SPDX-License-Identifier: MIT
// Sockets whose bytes a backend does not count: they are listed with null bytes, and the sample is incomplete only if
// they may have moved any.
#include "exact.hpp"
#include "messages.hpp"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <algorithm>

using namespace truth;

namespace {

#define TRUTH_UNCOUNTED()                                                                                              \
    do {                                                                                                               \
        if (backend_name() == "ebpf") {                                                                                \
            TRUTH_SKIP("it counts them");                                                                              \
        }                                                                                                              \
    } while (false)

const Row* row_of(const Report& report, const std::string& process)
{
    const auto found =
        std::find_if(report.rows.begin(), report.rows.end(), [&](const Row& row) { return row.process == process; });
    return found == report.rows.end() ? nullptr : &*found;
}

void check_null(const Report& report, const std::string& process)
{
    INFO(describe(report));
    const Row* row = row_of(report, process);
    REQUIRE(row != nullptr);
    CHECK_FALSE(row->rx_bytes.has_value());
    CHECK_FALSE(row->tx_bytes.has_value());
    CHECK(row->attribution == "owner");
}

/// Datagrams beside them, whose figures stay right. Of IP, UDP is known.
void start_datagrams(Stage& stage)
{
    stage.start("t-udp", [](Self& self) {
        const int fd = self.udp(local4);
        for (;;) {
            self.step();
            self.send_datagram(fd, local4, 100);
            self.receive_datagram(fd);
        }
    });
}

void start_ping(Stage& stage, const std::string& name, int type)
{
    stage.start(name, [=](Self& self) {
        allow_ping_sockets();
        const int fd = open_socket(AF_INET, type, IPPROTO_ICMP);
        self.aim(fd, {"127.0.0.9", 0});
        self.step();
        ping(self, fd, ICMP_ECHO, 3, 100, 1);
        self.step();
        self.step();
    });
}

} // namespace

TEST_CASE("uncounted: ping sockets and raw ones for ICMP, while they send and while they do not")
{
    TRUTH_UNCOUNTED();
    Stage stage;
    start_datagrams(stage);
    SUBCASE("ping socket") { start_ping(stage, "t-ping", SOCK_DGRAM); }
    SUBCASE("raw socket") { start_ping(stage, "t-ping", SOCK_RAW); }
    const Report busy = stage.measure().report;
    check_null(busy, "t-ping");
    CHECK_FALSE(busy.complete);
    CHECK(busy.has_note("uncounted-bytes"));

    const Report idle = stage.measure().report;
    check_null(idle, "t-ping");
    CHECK(idle.complete);
    CHECK_FALSE(idle.has_note("uncounted-bytes"));
}

TEST_CASE("uncounted: a ping that comes and goes within the window")
{
    TRUTH_UNCOUNTED();
    Stage stage;
    stage.start("t-ping", [](Self& self) {
        allow_ping_sockets();
        self.step();
        const int fd = open_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
        self.aim(fd, {"127.0.0.9", 0});
        ping(self, fd, ICMP_ECHO, 1, 100, 1);
        self.close(fd);
    });
    const Report report = stage.measure().report;
    INFO(describe(report));
    CHECK_FALSE(report.complete);
    CHECK(report.has_note("uncounted-bytes"));
}

TEST_CASE("uncounted: raw IP of a protocol of its own, while it sends and while it does not")
{
    TRUTH_UNCOUNTED();
    Stage stage;
    start_datagrams(stage);
    stage.start("t-raw", [](Self& self) {
        const int fd = open_socket(AF_INET, SOCK_RAW, experiment);
        self.aim(fd, {"127.0.0.1", 0});
        self.step();
        send_one(self, fd, 500);
        receive_one(self, fd);
        self.step();
        self.step();
    });
    const Report busy = stage.measure().report;
    check_null(busy, "t-raw");
    CHECK_FALSE(busy.complete);
    CHECK(busy.has_note("uncounted-bytes"));

    const Report idle = stage.measure().report;
    check_null(idle, "t-raw");
    CHECK(idle.complete);
}

TEST_CASE("uncounted: a protocol that a filter leaves out makes no note")
{
    TRUTH_UNCOUNTED();
    Stage stage;
    start_ping(stage, "t-ping", SOCK_DGRAM);
    stage.start("t-sniffer", [](Self& self) {
        open_socket(AF_PACKET, SOCK_RAW, 0);
        self.step();
        self.step();
    });
    std::vector<std::string> arguments{"--protocol", "tcp", "--protocol", "udp"};
    bool is_wanted = false;
    SUBCASE("left out") {}
    SUBCASE("asked for")
    {
        arguments = {"--protocol", "icmp"};
        is_wanted = true;
    }
    const Report report = stage.measure({.arguments = arguments}).report;
    INFO(describe(report));
    CHECK(report.complete == !is_wanted);
    CHECK(report.has_note("uncounted-bytes") == is_wanted);
    CHECK_FALSE(report.has_note("packet-sockets"));
    CHECK((row_of(report, "t-ping") != nullptr) == is_wanted);
    CHECK(row_of(report, "t-sniffer") == nullptr);
}

TEST_CASE("uncounted: sockets below IP make a note, and the sample stays complete")
{
    TRUTH_UNCOUNTED();
    Stage stage;
    stage.start("t-injector", [](Self& self) {
        const PacketSocket socket = packet_socket(SOCK_RAW, "lo");
        self.step();
        inject(self, socket, 100);
        self.step();
    });
    const Report report = stage.measure().report;
    check_null(report, "t-injector");
    CHECK(report.complete);
    CHECK(report.has_note("packet-sockets"));
}

TEST_CASE("uncounted: the sockets with which an instance captures are not listed, its own and another's")
{
    TRUTH_UNCOUNTED();
    if (!counts_datagrams()) {
        TRUTH_SKIP("it captures nothing");
    }
    Stage stage;
    stage.start("t-udp", [](Self& self) {
        const int fd = self.udp(local4);
        self.step();
        self.send_datagram(fd, local4, 100);
        self.receive_datagram(fd);
    });
    Tool other(stage.place(), until_told);
    other.wait_until_sampling();
    const Report report = stage.measure().report;
    INFO(describe(report));
    CHECK(report.complete);
    CHECK_FALSE(report.has_note("packet-sockets"));
    CHECK(report.rows.size() == 1);
    other.end_window();
    expect_success(other.finish());
}

TEST_CASE("uncounted: UDP-Lite")
{
    TRUTH_UNCOUNTED();
    if (!has_protocol(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE)) {
        TRUTH_SKIP("this kernel has no UDP-Lite");
    }
    Stage stage;
    stage.start("t-udplite", [](Self& self) {
        const int fd = open_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
        sockaddr_in own{};
        own.sin_family = AF_INET;
        own.sin_port = htons(7009);
        own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        must(::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own), "bind");
        self.aim(fd, {"127.0.0.1", 7009});
        self.step();
        send_one(self, fd, 2000);
        receive_one(self, fd);
        self.step();
        self.step();
    });
    const Report busy = stage.measure().report;
    check_null(busy, "t-udplite");
    CHECK_FALSE(busy.complete);
    const Report idle = stage.measure().report;
    check_null(idle, "t-udplite");
    CHECK(idle.complete);
}
