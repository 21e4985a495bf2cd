// SPDX-License-Identifier: MIT
// Packets and IP bytes: held against what datagrams of known number and size must come to, and against the counters of
// an interface that carries nothing else.
#include "bpf.hpp"
#include "packets.hpp"

#include <netinet/ip_icmp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

using namespace truth;

namespace {

/// What /proc/net/dev says of the interface "near", less the Ethernet headers.
struct Interface {
    Counts rx{};
    Counts tx{};
};
Interface read_interface(const Netns& netns)
{
    constexpr std::uint64_t ethernet = 14;
    const Inside inside(netns);
    std::ifstream file("/proc/thread-self/net/dev");
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string name;
        std::array<std::uint64_t, 10> value{};
        words >> name;
        for (std::uint64_t& each : value) {
            words >> each;
        }
        if (name == "near:" && words) {
            return {{value[1], value[0] - ethernet * value[1]}, {value[9], value[8] - ethernet * value[9]}};
        }
    }
    throw std::runtime_error("no counters of the interface");
}

/// IPv6 sends messages of its own accord, at any time.
void silence_ipv6(const Netns& netns)
{
    const Inside inside(netns);
    std::ofstream file("/proc/sys/net/ipv6/conf/all/disable_ipv6");
    file << "1" << std::flush;
    if (!file) {
        throw std::runtime_error("disable_ipv6 cannot be set");
    }
}

/// Beside these the interface may have carried a few packets with which IPv6 finds its neighbours.
void check_nearly(std::optional<std::uint64_t> packets, std::optional<std::uint64_t> ip_bytes, Counts interface)
{
    constexpr std::uint64_t few = 20;
    constexpr std::uint64_t longest = 200;
    REQUIRE(packets.has_value());
    REQUIRE(ip_bytes.has_value());
    CHECK(*packets <= interface.packets);
    CHECK(*packets + few >= interface.packets);
    CHECK(*ip_bytes <= interface.ip_bytes);
    CHECK(*ip_bytes + few * longest >= interface.ip_bytes);
}

} // namespace

TEST_CASE("packets: UDP between two namespaces, v4 and v6")
{
    TRUTH_DATAGRAMS();
    constexpr int datagrams = 60;
    constexpr std::size_t size = 333;
    const auto run = [](const char* near, const char* far) {
        Stage stage;
        const Netns other;
        join(stage.netns(), other);
        stage.start("t-near", [=](Self& self) {
            const int fd = self.udp({near, 7001});
            self.step();
            for (int count = 0; count < datagrams; ++count) {
                self.send_datagram(fd, {far, 7002}, size);
                self.receive_datagram(fd);
            }
        });
        stage.start("t-far", {.net = &other}, [=](Self& self) {
            const int fd = self.udp({far, 7002});
            self.step();
            for (int count = 0; count < datagrams; ++count) {
                self.receive_datagram(fd);
                self.send_datagram(fd, {near, 7001}, 1);
            }
        });
        return stage.measure({.arguments = packet_columns});
    };
    const auto judge_run = [](const Measured& measured, std::size_t headers) {
        const Counts many{datagrams, datagrams * (headers + size)};
        const Counts few{datagrams, datagrams * (headers + 1)};
        check(measured);
        check_row(row_of(measured, "t-near"), few, many);
        if (bar_of(backend_name()).every_namespace) {
            check_row(row_of(measured, "t-far"), many, few);
        }
    };
    SUBCASE("v4") { judge_run(run(near4, far4), header4 + header_udp); }
    SUBCASE("v6") { judge_run(run(near6, far6), header6 + header_udp); }
}

TEST_CASE("packets: a flood at a process that reads nothing of it")
{
    TRUTH_EXACT_ONLY();
    constexpr int datagrams = 20'000; // far more than its receive buffer holds
    constexpr std::size_t size = 18;
    Stage stage;
    stage.start("t-sink", [](Self& self) {
        self.udp(local4);
        self.step();
    });
    stage.start("t-flood", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            self.send_datagram(fd, local4, size);
        }
    });
    const Measured measured = stage.measure({.arguments = packet_columns});
    const Counts all{datagrams, datagrams * (header4 + header_udp + size)};
    check(measured);
    check_row(row_of(measured, "t-flood"), {0, 0}, all);
    const Row sink = row_of(measured, "t-sink");
    check_row(sink, all, {0, 0});
    CHECK(sink.rx_bytes == 0U);
    CHECK(sink.attribution == "owner"); // it never touched the socket
}

TEST_CASE("packets: processes that send one datagram and are gone")
{
    TRUTH_EXACT_ONLY();
    constexpr int processes = 100;
    Stage stage;
    stage.start("t-sink", [](Self& self) {
        const int fd = self.udp(local4);
        self.step();
        for (int count = 0; count < processes; ++count) {
            self.receive_datagram(fd);
        }
    });
    stage.start("t-parent", [](Self& self) {
        self.step();
        for (int count = 0; count < processes; ++count) {
            self.join(self.child("t-brief", [=](Self& brief) {
                brief.send_datagram(brief.udp({"127.0.0.1", 0}), local4, static_cast<std::size_t>(count));
            }));
        }
    });
    const Measured measured = stage.measure({.arguments = packet_columns});
    check(measured);
    int seen = 0;
    for (const Row& row : measured.report.rows) {
        if (row.process == "t-brief") {
            ++seen;
            check_row(row, {0, 0}, {1, header4 + header_udp + row.tx_bytes.value_or(0)});
        }
    }
    CHECK(seen == processes - 1); // the first one's datagram is empty: no payload, and gone before anyone looked
    check_row(row_of(measured, "t-sink"),
              {processes, processes * (header4 + header_udp) + processes * (processes - 1) / 2}, {0, 0});
}

TEST_CASE("packets: ICMP echo")
{
    TRUTH_EXACT_ONLY();
    constexpr int echoes = 50;
    constexpr std::size_t size = 8 + 1000;
    Stage stage;
    stage.start("t-ping", [](Self& self) {
        std::ofstream("/proc/sys/net/ipv4/ping_group_range") << "0 0" << std::flush;
        const int fd = must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP), "socket");
        self.aim(fd, {"127.0.0.9", 0});
        self.step();
        std::array<char, size> message{};
        for (int count = 0; count < echoes; ++count) {
            message.fill(0);
            message[0] = ICMP_ECHO;
            self.count_tx(must(::send(fd, message.data(), message.size(), 0), "send"));
            self.count_rx(must(::recv(fd, message.data(), message.size(), 0), "recv"));
        }
    });
    const Measured measured = stage.measure({.arguments = packet_columns});
    const Counts all{echoes, echoes * (header4 + size)};
    check(measured);
    check_row(row_of(measured, "t-ping"), all, all);
}

TEST_CASE("packets: TCP, as the interface counts it, in superpackets of more than 64 KiB too")
{
    TRUTH_EXACT_OR_PACKETS();
    constexpr std::uint32_t big = 250'000;
    constexpr std::uint64_t usual = 65'536;
    Stage stage;
    const Netns other;
    join(stage.netns(), other);
    At server{far4, 7000};
    std::size_t up = 5'000'000;
    std::size_t down = 3'000'000;
    bool is_big = true;
    bool is_v6 = false;
    SUBCASE("of the usual size") { is_big = false; }
    SUBCASE("big, v4") {}
    SUBCASE("big, v6")
    {
        is_v6 = true;
        server.address = far6;
    }
    if (!is_v6) {
        silence_ipv6(stage.netns());
        silence_ipv6(other);
    }
    if (is_big) {
        if (!allow_superpackets(stage.netns(), "near", big) || !allow_superpackets(other, "far", big)) {
            TRUTH_SKIP("this kernel has no BIG TCP");
        }
        up = 60'000'000;
        down = 0;
    }
    stage.start("t-far", {.net = &other}, [=](Self& self) {
        const int fd = self.accept(self.listen(server));
        self.step();
        self.exchange(fd, down, up);
    });
    stage.start("t-near", [=](Self& self) {
        const int fd = self.connect(server);
        self.step();
        self.exchange(fd, up, down);
    });
    Interface before;
    Interface after;
    const Measured measured = stage.measure({.arguments = packet_columns, .during = [&] {
                                                 before = read_interface(stage.netns());
                                                 stage.advance();
                                                 after = read_interface(stage.netns());
                                             }});
    check(measured);
    const auto difference = [](Counts from, Counts to) {
        return Counts{to.packets - from.packets, to.ip_bytes - from.ip_bytes};
    };
    const Counts rx = difference(before.rx, after.rx);
    const Counts tx = difference(before.tx, after.tx);
    const Row near = row_of(measured, "t-near");
    if (is_v6) {
        check_nearly(near.rx_packets, near.rx_ip_bytes, rx);
        check_nearly(near.tx_packets, near.tx_ip_bytes, tx);
    } else {
        check_row(near, rx, tx);
        if (bar_of(backend_name()).every_namespace) {
            check_row(row_of(measured, "t-far"), tx, rx);
        }
    }
    CHECK(near.rx_ip_bytes.value_or(0) > near.rx_bytes.value_or(0));
    CHECK(near.tx_ip_bytes.value_or(0) > near.tx_bytes.value_or(0));
    if (is_big && tx.ip_bytes / tx.packets <= usual) {
        TRUTH_SKIP("this kernel sent no superpackets of more than 64 KiB");
    }
}

TEST_CASE("packets: of a socket that two processes use, and of one that only listens")
{
    TRUTH_EXACT_ONLY();
    constexpr int datagrams = 30;
    Stage stage;
    stage.start("t-one", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        self.step();
        self.send_datagram(fd, local4, 10);
        self.join(self.child("t-two", [=](Self& two) {
            for (int count = 1; count < datagrams; ++count) {
                two.send_datagram(two.adopt(fd), local4, 10);
            }
        }));
    });
    stage.start("t-sink", [](Self& self) {
        const int fd = self.udp(local4);
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            self.receive_datagram(fd);
        }
    });
    stage.start("t-listener", [](Self& self) {
        const int listener = self.listen({"127.0.0.1", 7005});
        self.step();
        (void)listener; // the handshake is all that it gets
    });
    stage.start("t-caller", [](Self& self) {
        self.step();
        self.connect({"127.0.0.1", 7005});
    });
    std::vector<std::string> arguments = packet_columns;
    arguments.insert(arguments.end(), {"--by", "connection", "--port", "7001", "--port", "7005"});
    const Measured measured = stage.measure({.arguments = arguments});
    INFO(describe(measured.report));
    CHECK(measured.report.has_note("shared-packets"));
    for (const char* name : {"t-one", "t-two"}) {
        const Row row = row_of(measured, name);
        CHECK(row.tx_bytes.has_value());
        CHECK_FALSE(row.tx_packets.has_value());
        CHECK_FALSE(row.rx_ip_bytes.has_value());
    }
    const auto& rows = measured.report.rows;
    const auto unowned =
        std::find_if(rows.begin(), rows.end(), [](const Row& row) { return row.local_port == 7001 && !row.pid; });
    REQUIRE(unowned != rows.end());
    check_row(*unowned, {0, 0}, {datagrams, datagrams * (header4 + header_udp + 10)});
    const Row listener = row_of(measured, "t-listener");
    CHECK(listener.rx_packets == 2U); // SYN and ACK
    CHECK(listener.tx_packets == 1U); // SYN+ACK
    CHECK(listener.attribution == "owner");
}

TEST_CASE("packets: nothing is attached unless they are asked for, and nothing is left" * doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    std::size_t attached = 0;
    const auto look = [&] { attached = programs_called("packet_"); };
    const std::size_t before = programs_called("packet_");
    stage.measure({.during = look});
    CHECK(attached == before);
    stage.measure({.arguments = packet_columns, .during = look});
    CHECK(attached == before + 2);
    CHECK(programs_called("packet_") == before);
}

TEST_CASE("packets: of TCP null where the backend cannot count them")
{
    if (backend_name() == "ebpf" || backend_name() == "packet") {
        TRUTH_SKIP("it can");
    }
    Stage stage;
    start_connection(
        stage, [](Self& self, int fd) { self.receive(fd, 1000); }, [](Self& self, int fd) { self.send(fd, 1000); });
    const Measured measured = stage.measure({.arguments = packet_columns});
    check(measured);
    for (const Row& row : measured.report.rows) {
        CHECK_FALSE(row.rx_packets.has_value());
        CHECK_FALSE(row.tx_packets.has_value());
        CHECK_FALSE(row.rx_ip_bytes.has_value());
        CHECK_FALSE(row.tx_ip_bytes.has_value());
    }
}
