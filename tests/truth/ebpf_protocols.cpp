// SPDX-License-Identifier: MIT
// What is neither TCP nor UDP, each protocol by itself.
#include "exact.hpp"
#include "messages.hpp"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <array>
#include <cstring>

using namespace truth;

namespace {

const At own4{"127.0.0.1", 0};
const At own6{"::1", 0};

} // namespace

TEST_CASE("exact: ICMP echo with payload, through ping sockets and raw ones")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    const auto start = [&](const std::string& name, int family, int type, std::uint8_t request, int messages_each) {
        stage.start(name, [=](Self& self) {
            allow_ping_sockets();
            const int protocol = family == AF_INET ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
            const int fd = open_socket(family, type, protocol);
            self.aim(fd, family == AF_INET ? own4 : own6);
            self.step();
            ping(self, fd, request, 50, 1400, messages_each);
        });
    };
    SUBCASE("ping sockets")
    {
        start("t-ping", AF_INET, SOCK_DGRAM, ICMP_ECHO, 1);
        start("t-ping6", AF_INET6, SOCK_DGRAM, ICMP6_ECHO_REQUEST, 1);
        check(stage.measure());
    }
    SUBCASE("raw sockets")
    {
        start("t-raw", AF_INET, SOCK_RAW, ICMP_ECHO, 2);
        start("t-raw6", AF_INET6, SOCK_RAW, ICMP6_ECHO_REQUEST, 2);
        check(stage.measure());
    }
}

TEST_CASE("exact: raw IP, protocol 253, and with headers of its own")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    const auto start = [&](const std::string& name, int family, std::size_t bytes) {
        stage.start(name, [=](Self& self) {
            const int fd = open_socket(family, SOCK_RAW, experiment);
            self.aim(fd, family == AF_INET ? own4 : own6);
            self.step();
            for (int count = 0; count < 50; ++count) {
                send_one(self, fd, bytes);
                receive_one(self, fd); // with the IP header, where it is v4
            }
        });
    };
    start("t-raw4", AF_INET, 5000);
    start("t-raw6", AF_INET6, 600);
    stage.start("t-headers", [](Self& self) {
        const int fd = open_socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
        self.aim(fd, {"127.0.0.3", 0});
        self.step();
        std::array<char, 120> packet{};
        packet[0] = 0x45;
        packet[8] = 64; // hops
        packet[9] = static_cast<char>(254);
        const in_addr to{.s_addr = htonl(INADDR_LOOPBACK + 2)};
        std::memcpy(&packet[16], &to, sizeof to);
        self.count_tx(must(::send(fd, packet.data(), packet.size(), 0), "send"));
    });
    check(stage.measure());
}

TEST_CASE("exact: UDP-Lite")
{
    TRUTH_EXACT_ONLY();
    if (!has_protocol(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE)) {
        TRUTH_SKIP("this kernel has no UDP-Lite");
    }
    Stage stage;
    stage.start("t-mix-udplite", [](Self& self) {
        const int fd = open_socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE);
        sockaddr_in6 own{};
        own.sin6_family = AF_INET6;
        own.sin6_port = htons(7009);
        own.sin6_addr = in6addr_loopback;
        must(::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own), "bind");
        self.aim(fd, {"::1", 7009});
        self.step();
        for (int count = 0; count < 50; ++count) {
            send_one(self, fd, 2000);
            receive_one(self, fd);
        }
    });
    SUBCASE("by process") { check(stage.measure()); }
    SUBCASE("by protocol")
    {
        const Measured measured = stage.measure({.arguments = {"--by", "protocol", "--filter", "t-mix"}});
        INFO(describe(measured.report));
        REQUIRE(measured.report.rows.size() == 1);
        CHECK(measured.report.rows[0].protocol == "udplite");
        CHECK(measured.report.rows[0].rx_bytes == 100'000U);
        CHECK(measured.report.rows[0].tx_bytes == 100'000U);
    }
}

TEST_CASE("exact: SCTP")
{
    TRUTH_EXACT_ONLY();
    if (!has_protocol(AF_INET, SOCK_STREAM, IPPROTO_SCTP)) {
        TRUTH_SKIP("this kernel has no SCTP");
    }
    constexpr std::size_t up = 300'000;
    constexpr std::size_t down = 200'000;
    Stage stage;
    stage.start("t-mix-server", [](Self& self) {
        const int listener = self.listen(local4, IPPROTO_SCTP);
        self.step();
        self.exchange(self.accept(listener), down, up);
    });
    stage.start("t-mix-client", [](Self& self) {
        self.step();
        const int fd = self.adopt(open_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP));
        self.aim(fd, local4);
        self.exchange(fd, up, down);
    });
    SUBCASE("by process") { check(stage.measure()); }
    SUBCASE("by protocol")
    {
        const Measured measured = stage.measure({.arguments = {"--by", "protocol", "--filter", "t-mix"}});
        INFO(describe(measured.report));
        REQUIRE(measured.report.rows.size() == 1);
        CHECK(measured.report.rows[0].protocol == "sctp");
        CHECK(measured.report.rows[0].rx_bytes == up + down);
        CHECK(measured.report.rows[0].tx_bytes == up + down);
    }
}
