// SPDX-License-Identifier: MIT
// The other ends of datagrams: each byte at the address that it went to or came from, whether the socket is connected
// or not; and every byte of a socket once, also where an address is not known.
#include "bpf.hpp"
#include "cgroup.hpp"
#include "exact.hpp"
#include "messages.hpp"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <array>
#include <cstring>
#include <map>
#include <thread>

using namespace truth;

namespace {

struct Moved {
    std::uint64_t rx = 0;
    std::uint64_t tx = 0;
    bool operator==(const Moved&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Moved& moved) { return out << moved.rx << "/" << moved.tx; }

/// "127.0.0.1:7002", or "null"
using ByPeer = std::map<std::string, Moved>;

/// The rows of a report by connection that are of processes of this name, by their other ends.
ByPeer peers_of(const Report& report, const std::string& process)
{
    ByPeer result;
    for (const Row& row : report.rows) {
        if (row.process == process) {
            Moved& moved =
                result[row.remote_address.empty() ? "null"
                                                  : row.remote_address + ":" + std::to_string(row.remote_port)];
            moved.rx += row.rx_bytes.value_or(0);
            moved.tx += row.tx_bytes.value_or(0);
        }
    }
    return result;
}

Moved sum_of(const ByPeer& peers)
{
    Moved sum;
    for (const auto& [peer, moved] : peers) {
        sum.rx += moved.rx;
        sum.tx += moved.tx;
    }
    return sum;
}

void check_peers(const Report& report, const std::string& process, const ByPeer& expected)
{
    INFO(describe(report));
    const ByPeer peers = peers_of(report, process);
    for (const auto& entry : expected) { // not a structured binding: clang 14 cannot capture one
        INFO(process, " with ", entry.first);
        CHECK(peers.contains(entry.first));
        CHECK((peers.contains(entry.first) ? peers.at(entry.first) : Moved{}) == entry.second);
    }
    CHECK(peers.size() == expected.size());
}

std::array<char, 65'536> buffer; // every worker has its own

void send_to(Self& self, int fd, const At& to, std::size_t bytes, int flags = 0)
{
    const SocketAddress address = resolve(to);
    self.count_tx(must(::sendto(fd, buffer.data(), bytes, flags, address.get(), address.size), "sendto"));
}

/// Receives a datagram, asks where it came from, and sends so many bytes back, unless 0.
void answer(Self& self, int fd, std::size_t bytes)
{
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    auto* address = reinterpret_cast<sockaddr*>(&from);
    self.count_rx(must(::recvfrom(fd, buffer.data(), buffer.size(), 0, address, &length), "recvfrom"));
    if (bytes != 0) {
        self.count_tx(must(::sendto(fd, buffer.data(), bytes, 0, address, length), "sendto"));
    }
}

/// The arguments that show these processes alone, one row for each other end.
std::vector<std::string> by_connection_of(std::initializer_list<const Worker*> workers)
{
    std::vector<std::string> arguments{"--by", "connection"};
    for (const Worker* worker : workers) {
        arguments.insert(arguments.end(), {"--pid", std::to_string(worker->pid())});
    }
    return arguments;
}

/// The sum over the rows is what the process moved: none is counted twice, and none is lost.
void check_sum(const Measured& measured, const std::string& process)
{
    for (const auto& [identity, figures] : measured.truth) {
        if (figures.name == process) {
            CHECK(sum_of(peers_of(measured.report, process)) == Moved{figures.rx_bytes, figures.tx_bytes});
            CHECK(figures.rx_bytes + figures.tx_bytes > 0);
        }
    }
}

} // namespace

TEST_CASE("peers: an unconnected socket that only sends is found by every filter and key")
{
    TRUTH_DATAGRAMS();
    constexpr int datagrams = 20;
    constexpr std::size_t size = 100;
    Stage stage;
    const Worker& sender = stage.start("t-sender", [](Self& self) {
        const int fd = must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
        self.adopt(fd);
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            send_to(self, fd, {"127.0.0.1", 5353}, size);
        }
        self.wait_until_owned(fd);
    });
    stage.start("t-sink", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 5353});
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            answer(self, fd, 0);
        }
    });
    const auto measure = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--pid", std::to_string(sender.pid())});
        Measured measured = stage.measure({.arguments = arguments});
        std::erase_if(measured.truth, [](const auto& one) { return one.second.name != "t-sender"; });
        return measured;
    };
    SUBCASE("--port") { check(measure({"--port", "5353", "--protocol", "udp"})); }
    SUBCASE("--remote") { check(measure({"--remote", "127.0.0.1"})); }
    SUBCASE("--by connection")
    {
        check_peers(measure({"--by", "connection"}).report, "t-sender", {{"127.0.0.1:5353", {0, datagrams * size}}});
    }
    SUBCASE("--by remote")
    {
        const Report report = measure({"--by", "remote"}).report;
        REQUIRE(report.rows.size() + report.others.size() == 1);
        CHECK(report.text.find("\"remote_address\":\"127.0.0.1\"") != std::string::npos);
        CHECK(report.text.find("\"tx_bytes\":2000") != std::string::npos);
    }
    SUBCASE("--by port")
    {
        const Report report = measure({"--by", "port"}).report;
        REQUIRE(report.rows.size() + report.others.size() == 1);
        CHECK(report.text.find("\"port\":5353") != std::string::npos);
        CHECK(report.text.find("\"tx_bytes\":2000") != std::string::npos);
    }
    SUBCASE("--no-loopback") { CHECK(measure({"--no-loopback"}).report.rows.empty()); }
    SUBCASE("--interface lo") { check(measure({"--interface", "lo"})); }
}

TEST_CASE("peers: an unconnected socket with three peers, both ways")
{
    TRUTH_DATAGRAMS();
    constexpr int peers = 3;
    constexpr int questions = 30;
    const auto run = [](const std::string& hub_address, const std::string& own, const std::string& shown) {
        Stage stage;
        const Worker& hub = stage.start("t-hub", [=](Self& self) {
            const int fd = self.udp({hub_address, 7000});
            self.step();
            for (int count = 0; count < peers * questions; ++count) {
                answer(self, fd, 777);
            }
        });
        for (int peer = 1; peer <= peers; ++peer) {
            stage.start("t-peer-" + std::to_string(peer), [=](Self& self) {
                const int fd = self.udp({own, static_cast<std::uint16_t>(7000 + peer)});
                self.step();
                for (int count = 0; count < questions; ++count) {
                    send_to(self, fd, {own, 7000}, static_cast<std::size_t>(10 * peer));
                    self.receive_datagram(fd);
                }
            });
        }
        const Measured measured = stage.measure({.arguments = by_connection_of({&hub})});
        ByPeer expected;
        for (std::uint64_t peer = 1; peer <= peers; ++peer) {
            expected[shown + ":" + std::to_string(7000 + peer)] = {questions * 10 * peer, questions * 777};
        }
        check_peers(measured.report, "t-hub", expected);
        check_sum(measured, "t-hub");
        CHECK(measured.report.complete);
    };
    SUBCASE("v4") { run("127.0.0.1", "127.0.0.1", "127.0.0.1"); }
    SUBCASE("v6") { run("::1", "::1", "::1"); }
    SUBCASE("a socket of v6 with peers of v4") { run("::", "127.0.0.1", "127.0.0.1"); }
}

TEST_CASE("peers: each call at the address it sent to, whatever the socket is connected to")
{
    TRUTH_EXACT_ONLY();
    const At near{"127.0.0.1", 7001};
    Stage stage;
    const Worker& caller = stage.start("t-caller", [=](Self& self) {
        const int fd = self.udp(near);
        const int both = self.udp({"::", 7003});
        self.udp({"::", 7002}); // takes all of it, and reads nothing
        self.step();
        send_to(self, fd, {"127.0.0.2", 7002}, 1);
        expect_error(::sendto(fd, buffer.data(), 0, 0, nullptr, 0), EDESTADDRREQ, "a send to nowhere");
        // A call that fails leaves nothing to the next one, which names no address.
        self.aim(fd, {"127.0.0.3", 7002});
        const SocketAddress elsewhere = resolve({"127.0.0.4", 7002});
        expect_error(::sendto(fd, buffer.data(), 65'530, 0, elsewhere.get(), elsewhere.size), EMSGSIZE,
                     "a datagram too long");
        self.count_tx(must(::send(fd, buffer.data(), 10, 0), "send"));
        // A connected socket may send elsewhere all the same.
        send_to(self, fd, {"127.0.0.5", 7002}, 100);
        self.count_tx(must(::send(fd, buffer.data(), 10, 0), "send"));
        // Control messages run the hooks without an address.
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        iovec data{.iov_base = buffer.data(), .iov_len = 1000};
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const ttl = CMSG_FIRSTHDR(&message);
        ttl->cmsg_level = IPPROTO_IP;
        ttl->cmsg_type = IP_TTL;
        ttl->cmsg_len = CMSG_LEN(sizeof(int));
        const int hops = 3;
        std::memcpy(CMSG_DATA(ttl), &hops, sizeof hops);
        self.count_tx(must(::sendmsg(fd, &message, 0), "sendmsg"));
        // The unspecified address is this machine.
        send_to(self, both, {"::", 7002}, 2);
        send_to(self, both, {"::ffff:127.0.0.6", 7002}, 20);
        send_to(self, fd, {"0.0.0.0", 7002}, 200); // from 127.0.0.1, which the socket is bound to
        send_to(self, both, {"::1", 7002}, 0);
    });
    const Measured measured = stage.measure({.arguments = by_connection_of({&caller})});
    check_peers(measured.report, "t-caller",
                {{"127.0.0.2:7002", {0, 1}},
                 {"127.0.0.3:7002", {0, 1020}},
                 {"127.0.0.5:7002", {0, 100}},
                 {"::1:7002", {0, 2}},
                 {"127.0.0.6:7002", {0, 20}},
                 {"127.0.0.1:7002", {0, 200}}});
    check_sum(measured, "t-caller");
    CHECK(measured.report.complete);
}

TEST_CASE("peers: the parts of a corked datagram go where the first one goes")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    const Worker& caller = stage.start("t-caller", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        const int connected = self.udp({"127.0.0.1", 7003});
        self.aim(connected, {"127.0.0.9", 7002});
        self.step();
        send_to(self, fd, {"127.0.0.2", 7002}, 1, MSG_MORE);
        send_to(self, fd, {"127.0.0.3", 7002}, 10, MSG_MORE); // the kernel takes no notice of the address
        self.count_tx(must(::send(fd, buffer.data(), 100, 0), "send"));
        send_to(self, fd, {"127.0.0.4", 7002}, 1000);
        // By the option, which ends it too.
        set_option(fd, IPPROTO_UDP, 1 /* UDP_CORK */, 1);
        send_to(self, fd, {"127.0.0.5", 7002}, 1);
        send_to(self, fd, {"127.0.0.5", 7002}, 1);
        set_option(fd, IPPROTO_UDP, 1, 0);
        send_to(self, fd, {"127.0.0.6", 7002}, 2);
        self.count_tx(must(::send(connected, buffer.data(), 3, MSG_MORE), "send"));
        self.count_tx(must(::send(connected, buffer.data(), 4, 0), "send"));
    });
    const Measured measured = stage.measure({.arguments = by_connection_of({&caller})});
    check_peers(measured.report, "t-caller",
                {{"127.0.0.2:7002", {0, 111}},
                 {"127.0.0.4:7002", {0, 1000}},
                 {"127.0.0.5:7002", {0, 2}},
                 {"127.0.0.6:7002", {0, 2}},
                 {"127.0.0.9:7002", {0, 7}}});
    check_sum(measured, "t-caller");
}

TEST_CASE("peers: one sendmmsg to several, and one recvmmsg from them")
{
    TRUTH_DATAGRAMS();
    constexpr unsigned batch = 6;
    Stage stage;
    const Worker& hub = stage.start("t-hub", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7000});
        self.step();
        std::array<iovec, batch> data{};
        std::array<SocketAddress, batch> addresses{};
        std::array<mmsghdr, batch> messages{};
        for (unsigned index = 0; index < batch; ++index) {
            addresses.at(index) = resolve({"127.0.0.1", static_cast<std::uint16_t>(7001 + index % 3)});
            data.at(index) = {.iov_base = buffer.data(), .iov_len = 10 * (index + 1)};
            messages.at(index).msg_hdr = {.msg_name = &addresses.at(index).storage,
                                          .msg_namelen = sizeof(sockaddr_in),
                                          .msg_iov = &data.at(index),
                                          .msg_iovlen = 1,
                                          .msg_control = nullptr,
                                          .msg_controllen = 0,
                                          .msg_flags = 0};
        }
        must(::sendmmsg(fd, messages.data(), batch, 0), "sendmmsg");
        for (const mmsghdr& message : messages) {
            self.count_tx(message.msg_len);
        }
        for (unsigned got = 0; got < batch;) {
            for (unsigned index = 0; index < batch; ++index) {
                messages.at(index).msg_hdr.msg_namelen = sizeof(sockaddr_storage);
            }
            const int now = must(::recvmmsg(fd, messages.data(), batch - got, MSG_WAITFORONE, nullptr), "recvmmsg");
            for (int index = 0; index < now; ++index) {
                self.count_rx(messages.at(static_cast<std::size_t>(index)).msg_len);
            }
            got += static_cast<unsigned>(now);
        }
    });
    for (std::uint16_t peer = 1; peer <= 3; ++peer) {
        stage.start("t-peer-" + std::to_string(peer), [=](Self& self) {
            const int fd = self.udp({"127.0.0.1", static_cast<std::uint16_t>(7000 + peer)});
            self.step();
            answer(self, fd, peer);
            answer(self, fd, peer);
        });
    }
    const Measured measured = stage.measure({.arguments = by_connection_of({&hub})});
    check_peers(measured.report, "t-hub",
                {{"127.0.0.1:7001", {2, 50}}, {"127.0.0.1:7002", {4, 70}}, {"127.0.0.1:7003", {6, 90}}});
}

TEST_CASE("peers: threads that use one socket at once, each with a peer of its own")
{
    TRUTH_EXACT_ONLY();
    constexpr int threads = 4;
    constexpr int datagrams = 2000;
    Stage stage;
    const Worker& caller = stage.start("t-threads", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        self.step();
        std::vector<std::thread> all;
        for (int number = 0; number < threads; ++number) {
            all.emplace_back([&self, fd, number] {
                const At to{"127.0.1." + std::to_string(number), 7002};
                for (int count = 0; count < datagrams; ++count) {
                    send_to(self, fd, to, static_cast<std::size_t>(number + 1));
                }
            });
        }
        for (std::thread& one : all) {
            one.join();
        }
    });
    const Measured measured = stage.measure({.arguments = by_connection_of({&caller})});
    ByPeer expected;
    for (std::uint64_t number = 0; number < threads; ++number) {
        expected["127.0.1." + std::to_string(number) + ":7002"] = {0, datagrams * (number + 1)};
    }
    check_peers(measured.report, "t-threads", expected);
}

TEST_CASE("peers: a receiver that does not ask has an unknown peer, and all of its bytes")
{
    TRUTH_EXACT_ONLY();
    constexpr int datagrams = 20;
    Stage stage;
    const Worker& sink = stage.start("t-sink", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7002});
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            // A look at the address ahead is not kept for the read that does not ask.
            sockaddr_storage from{};
            socklen_t length = sizeof from;
            must(::recvfrom(fd, buffer.data(), buffer.size(), MSG_PEEK, reinterpret_cast<sockaddr*>(&from), &length),
                 "peek");
            if (count % 2 == 0) {
                receive_one(self, fd);
            } else {
                answer(self, fd, 0);
            }
        }
    });
    stage.start("t-sender", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            send_to(self, fd, {"127.0.0.1", 7002}, 50);
        }
    });
    const Measured measured = stage.measure({.arguments = by_connection_of({&sink})});
    check_peers(measured.report, "t-sink", {{"null", {500, 0}}, {"127.0.0.1:7001", {500, 0}}});
    check_sum(measured, "t-sink");
}

TEST_CASE("peers: more of them than there is room for are one row, and a note")
{
    TRUTH_EXACT_ONLY();
    constexpr unsigned room = 8192;
    constexpr unsigned peers = room + 500;
    Stage stage;
    const Worker& caller = stage.start("t-many", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        const int other = self.udp({"127.0.0.1", 7003});
        self.step();
        for (int round = 0; round < 2; ++round) {
            for (unsigned number = 0; number < peers; ++number) {
                send_to(self, fd, {"127.1." + std::to_string(number / 250) + "." + std::to_string(number % 250 + 1), 9},
                        3);
            }
        }
        send_to(self, other, {"127.0.0.2", 7002}, 70); // which has room of its own
    });
    const Measured measured = stage.measure({.arguments = by_connection_of({&caller})});
    const ByPeer shown = peers_of(measured.report, "t-many");
    INFO(describe(measured.report));
    CHECK(shown.size() == room + 2);
    REQUIRE(shown.contains("null"));
    CHECK(shown.at("null") == Moved{0, 2UL * 3 * (peers - room)});
    REQUIRE(shown.contains("127.0.0.2:7002"));
    CHECK(shown.at("127.0.0.2:7002") == Moved{0, 70});
    check_sum(measured, "t-many");
    CHECK(measured.report.has_note("too-many-peers"));
    CHECK_FALSE(measured.report.complete);
}

TEST_CASE("peers: windows that follow each other have the bytes of each peer once")
{
    TRUTH_EXACT_ONLY();
    constexpr int datagrams = 3000;
    Stage stage;
    const Worker& hub = stage.start("t-hub", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7000});
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            answer(self, fd, 5);
        }
    });
    stage.start("t-peer", [](Self& self) {
        const int one = self.udp({"127.0.0.1", 7001});
        const int two = self.udp({"127.0.0.1", 7002});
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            const int fd = count % 3 == 0 ? one : two;
            send_to(self, fd, {"127.0.0.1", 7000}, 7);
            self.receive_datagram(fd);
        }
    });
    const Series series = stage.measure_series(4, {.pace = 20ms, .arguments = by_connection_of({&hub})});
    ByPeer all;
    for (const Report& report : series.reports) {
        for (const auto& [peer, moved] : peers_of(report, "t-hub")) {
            all[peer].rx += moved.rx;
            all[peer].tx += moved.tx;
        }
    }
    const ByPeer expected{{"127.0.0.1:7001", {7UL * datagrams / 3, 5UL * datagrams / 3}},
                          {"127.0.0.1:7002", {14UL * datagrams / 3, 10UL * datagrams / 3}}};
    CHECK(all == expected);
}

TEST_CASE("peers: ICMP and raw IP sockets that are not connected")
{
    TRUTH_EXACT_ONLY();
    constexpr int messages = 20;
    constexpr std::size_t size = 108;
    Stage stage;
    const auto start_ping = [&](const std::string& name, int family, int type, const std::vector<At>& peers,
                                char request, int answers) -> const Worker* {
        return &stage.start(name, [=](Self& self) {
            allow_ping_sockets();
            const int fd =
                self.adopt(open_socket(family, type, family == AF_INET ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6}));
            self.step();
            for (int count = 0; count < messages; ++count) {
                for (const At& peer : peers) {
                    buffer.fill(0);
                    buffer[0] = request;
                    const std::uint16_t checksum = htons(static_cast<std::uint16_t>(~(request << 8)));
                    std::memcpy(&buffer[2], &checksum, sizeof checksum);
                    send_to(self, fd, peer, size);
                    for (int answer = 0; answer < answers; ++answer) {
                        receive_one(self, fd);
                    }
                }
            }
        });
    };
    SUBCASE("ping sockets")
    {
        const Worker* v4 =
            start_ping("t-ping", AF_INET, SOCK_DGRAM, {{"127.0.0.8", 0}, {"127.0.0.9", 0}}, ICMP_ECHO, 1);
        const Worker* v6 = start_ping("t-ping6", AF_INET6, SOCK_DGRAM, {{"::1", 0}}, char(ICMP6_ECHO_REQUEST), 1);
        const Measured measured = stage.measure({.arguments = by_connection_of({v4, v6})});
        constexpr Moved all{messages * size, messages * size};
        check_peers(measured.report, "t-ping", {{"127.0.0.8:0", all}, {"127.0.0.9:0", all}});
        check_peers(measured.report, "t-ping6", {{"::1:0", all}});
        check_sum(measured, "t-ping");
    }
    SUBCASE("raw sockets, which see the questions too")
    {
        const Worker* v4 = start_ping("t-raw", AF_INET, SOCK_RAW, {{"127.0.0.9", 0}}, ICMP_ECHO, 2);
        const Measured measured = stage.measure({.arguments = by_connection_of({v4})});
        constexpr std::size_t with_header = 20 + size;
        check_peers(
            measured.report, "t-raw",
            {{"127.0.0.9:0", {messages * with_header, messages * size}}, {"127.0.0.1:0", {messages * with_header, 0}}});
        check_sum(measured, "t-raw");
    }
    SUBCASE("raw sockets of v6")
    {
        const Worker* v6 = start_ping("t-raw6", AF_INET6, SOCK_RAW, {{"::1", 0}}, char(ICMP6_ECHO_REQUEST), 2);
        const Measured measured = stage.measure({.arguments = by_connection_of({v6})});
        check_peers(measured.report, "t-raw6", {{"::1:0", {2 * messages * size, messages * size}}});
        check_sum(measured, "t-raw6");
    }
    SUBCASE("raw IP")
    {
        const Worker& sink = stage.start("t-sink", [](Self& self) {
            const int fd = self.adopt(open_socket(AF_INET, SOCK_RAW, experiment));
            self.step();
            for (int count = 0; count < messages; ++count) {
                receive_one(self, fd);
            }
        });
        const Worker& sender = stage.start("t-sender", [](Self& self) {
            const int fd = self.adopt(open_socket(AF_INET, SOCK_RAW, experiment));
            self.step();
            for (int count = 0; count < messages; ++count) {
                send_to(self, fd, {"127.0.0.7", 0}, 4000);
            }
        });
        const Measured measured = stage.measure({.arguments = by_connection_of({&sink, &sender})});
        check_peers(measured.report, "t-sender", {{"127.0.0.7:0", {0, messages * 4000}}});
        check_peers(measured.report, "t-sink", {{"127.0.0.1:0", {messages * 4020, 0}}});
    }
}

TEST_CASE("peers: if another program rewrites addresses, those on the wire are shown")
{
    TRUTH_EXACT_ONLY();
    constexpr int datagrams = 20;
    const At near{"127.0.0.1", 7001};
    const At service{"127.0.0.1", 7099};
    const Cgroup group("t-rewrite-" + unique_digits());
    if (!group.is_there()) {
        TRUTH_SKIP("no control groups of version 2 can be made here");
    }
    constexpr std::uint32_t preorder = 1U << 6U; // since Linux 6.15; before, a hook of receives runs after this one
    const std::string directory = cgroup2_mount() + group.path();
    const bool sees_wire = rewrite_port(directory, BPF_CGROUP_UDP4_RECVMSG, 1, 1, preorder).get() >= 0;
    const Fd send = rewrite_port(directory, BPF_CGROUP_UDP4_SENDMSG, 7099, 7002);
    const Fd receive = rewrite_port(directory, BPF_CGROUP_UDP4_RECVMSG, 7002, 7099);
    Stage stage;
    const Worker& caller = stage.start("t-caller", [&](Self& self) {
        group.add(::getpid()); // before the socket is made, which is of its maker's group
        const int fd = self.udp(near);
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            self.send_datagram(fd, service, 100);
            sockaddr_in from{};
            socklen_t length = sizeof from;
            self.count_rx(
                must(::recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length),
                     "recvfrom"));
            if (ntohs(from.sin_port) != service.port) {
                throw std::runtime_error("the hook rewrites nothing");
            }
        }
    });
    const Worker& server = stage.start("t-server", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7002});
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            answer(self, fd, 7);
        }
    });
    const Measured measured = stage.measure({.arguments = by_connection_of({&caller, &server})});
    if (sees_wire) {
        check_peers(measured.report, "t-caller", {{"127.0.0.1:7002", {7 * datagrams, 100 * datagrams}}});
    } else {
        check_peers(measured.report, "t-caller",
                    {{"127.0.0.1:7002", {0, 100 * datagrams}}, {"127.0.0.1:7099", {7 * datagrams, 0}}});
    }
    check_peers(measured.report, "t-server", {{"127.0.0.1:7001", {100 * datagrams, 7 * datagrams}}});
}

TEST_CASE("peers: nothing is attached unless an endpoint is asked for, and nothing is left" *
          doctest::test_suite("alone"))
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    // Other programs, of another suite, may attach theirs at the same time: then what was counted is no answer.
    const auto attached_with = [&](const std::vector<std::string>& arguments) -> std::size_t {
        for (int tries = 20; tries > 0; --tries) {
            std::size_t during = 0;
            const std::size_t before = programs_called("datagram_");
            stage.measure({.arguments = arguments, .during = [&] { during = programs_called("datagram_"); }});
            if (programs_called("datagram_") == before)
                return during - before;
        }
        FAIL("programs are left");
        return 0;
    };
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {}, {"--by", "protocol", "-o", "protocol"}, {"-o", "process,tx_bytes"}, {"--protocol", "udp"}})
        CHECK(attached_with(arguments) == 0);
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"--by", "remote"}, {"--port", "1"}, {"--remote", "::1"}, {"-o", "+remote_address"}, {"--no-loopback"}})
        CHECK(attached_with(arguments) == 5);
}
