// SPDX-License-Identifier: MIT
// What is neither TCP nor UDP, and the figures by protocol and by connection of a mix of everything.
#include "exact.hpp"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <set>

using namespace truth;

namespace {

constexpr int experiment = 253; // RFC 3692
const At own4{"127.0.0.1", 0};
const At own6{"::1", 0};
std::array<char, 65'536> buffer;

int open_socket(int family, int type, int protocol)
{
    return must(::socket(family, type | SOCK_CLOEXEC, protocol), "socket");
}

void send_one(Self& self, int fd, std::size_t bytes)
{
    self.count_tx(must(::send(fd, buffer.data(), bytes, 0), "send"));
}

ssize_t receive_one(Self& self, int fd)
{
    return self.count_rx(must(::recv(fd, buffer.data(), buffer.size(), 0), "recv"));
}

void allow_ping_sockets()
{
    std::ofstream file("/proc/sys/net/ipv4/ping_group_range");
    file << "0 0" << std::flush;
    if (!file) {
        throw std::runtime_error("ping_group_range cannot be set");
    }
}

/// Sends echo requests with `payload` bytes; a raw socket sees requests as well as replies.
void ping(Self& self, int fd, std::uint8_t request, int count, std::size_t payload, int messages_each)
{
    for (int index = 0; index < count; ++index) {
        buffer.fill(0);
        buffer[0] = static_cast<char>(request);
        const std::uint16_t checksum = htons(static_cast<std::uint16_t>(~(request << 8)));
        std::memcpy(&buffer[2], &checksum, sizeof checksum); // the rest is zero; ping sockets and ICMPv6 make their own
        send_one(self, fd, 8 + payload);
        for (int message = 0; message < messages_each; ++message) {
            receive_one(self, fd);
        }
    }
}

/// The socket and where its frames go: out at `interface`, with a protocol number made for experiments.
struct PacketSocket {
    int fd;
    sockaddr_ll to;
};

PacketSocket packet_socket(int type, const char* interface)
{
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(0x88b5);
    to.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    to.sll_halen = ETH_ALEN;
    return {open_socket(AF_PACKET, type, 0), to};
}

void inject(Self& self, const PacketSocket& socket, std::size_t bytes)
{
    const auto* to = reinterpret_cast<const sockaddr*>(&socket.to);
    self.count_tx(must(::sendto(socket.fd, buffer.data(), bytes, 0, to, sizeof socket.to), "inject"));
}

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
    });
    stage.start("t-mix-udp", [](Self& self) {
        const int left = self.udp({"::1", 7003});
        const int right = self.udp({"::1", 7004});
        self.aim(left, {"::1", 7004});
        self.step();
        send_one(self, left, 1234);
        receive_one(self, right);
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
        self.aim(fd, own4);
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
        buffer.fill(0);
        buffer[0] = 0x45;
        buffer[8] = 64; // hops
        buffer[9] = static_cast<char>(254);
        const in_addr to{.s_addr = htonl(INADDR_LOOPBACK + 2)};
        std::memcpy(&buffer[16], &to, sizeof to);
        send_one(self, fd, 120);
    });
    check(stage.measure());
}

TEST_CASE("exact: packets that are injected through AF_PACKET count as sent, those seen through it as nothing")
{
    TRUTH_EXACT_ONLY();
    constexpr int packets = 100;
    const auto run = [](int type, const char* interface) {
        Stage stage;
        const Netns far;
        join(stage.netns(), far);
        stage.start("t-sniffer", [](Self& self) {
            const Fd fd(open_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
            self.step();
            for (int count = 0; count < packets; ++count) {
                must(::recv(fd.get(), buffer.data(), buffer.size(), 0), "recv");
            }
        });
        stage.start("t-injector", [=](Self& self) {
            const PacketSocket socket = packet_socket(type, interface);
            self.step();
            for (int count = 0; count < packets; ++count) {
                inject(self, socket, static_cast<std::size_t>(60 + count));
            }
        });
        return stage.measure();
    };
    SUBCASE("frames, on lo") { check(run(SOCK_RAW, "lo")); }
    SUBCASE("frames, on veth") { check(run(SOCK_RAW, "near")); }
    SUBCASE("packets, on lo") { check(run(SOCK_DGRAM, "lo")); }
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
        INFO(measured.report.text);
        REQUIRE(measured.report.rows.size() == 1);
        CHECK(measured.report.rows[0].protocol == "udplite");
        CHECK(measured.report.rows[0].rx_bytes == 100'000U);
        CHECK(measured.report.rows[0].tx_bytes == 100'000U);
    }
}

TEST_CASE("exact: MPTCP is counted once")
{
    TRUTH_EXACT_ONLY();
    if (!has_protocol(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)) {
        TRUTH_SKIP("this kernel has no MPTCP");
    }
    const auto run = [](int client_protocol) {
        Stage stage;
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(7000);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        stage.start("t-server", [=](Self& self) {
            const int listener = open_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
            must(::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at), "bind");
            must(::listen(listener, 10), "listen");
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

TEST_CASE("exact: a mix by protocol")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    start_mix(stage);
    const Measured measured = stage.measure({.arguments = {"--by", "protocol", "--filter", "t-mix"}});
    INFO(measured.report.text);
    CHECK(measured.report.complete);
    CHECK(measured.report.rows.size() == mixed.size());
    for (const Row& row : measured.report.rows) {
        REQUIRE(mixed.contains(row.protocol));
        const Figures& figures = figures_of(measured, "t-mix-" + row.protocol);
        CHECK(row.rx_bytes == figures.rx_bytes);
        CHECK(row.tx_bytes == figures.tx_bytes);
    }
}

TEST_CASE("exact: a mix by connection")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    start_mix(stage);
    const Measured measured = stage.measure({.arguments = {"--by", "connection"}});
    INFO(measured.report.text);
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
        CHECK(std::count_if(rows.begin(), rows.end(), same) == 1);
    };
    const auto like = [](const std::string& protocol, const At& local, const At& remote, std::uint64_t rx,
                         std::uint64_t tx) {
        Row row;
        row.protocol = protocol;
        row.local_address = local.address;
        row.local_port = local.port;
        row.remote_address = remote.address;
        row.remote_port = remote.port;
        row.rx_bytes = rx;
        row.tx_bytes = tx;
        return row;
    };
    const At none{"", 0};
    expect(like("tcp", {"127.0.0.1", 7001}, {"127.0.0.1", 7002}, 12'345, 321));
    expect(like("tcp", {"127.0.0.1", 7002}, {"127.0.0.1", 7001}, 321, 12'345));
    expect(like("udp", {"::1", 7003}, {"::1", 7004}, 99, 1234));
    expect(like("udp", {"::1", 7004}, none, 1234, 99));
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
