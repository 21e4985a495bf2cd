// SPDX-License-Identifier: MIT
// UDP to the byte: rates, segments, calls that move many datagrams, reads that do not consume.
#include "exact.hpp"
#include "messages.hpp"

#include <netinet/udp.h>
#include <poll.h>

#include <array>
#include <vector>

using namespace truth;

namespace {

const At left6{"::1", 7001};
const At right6{"::1", 7002};
const At left4{"127.0.0.1", 7001};
const At right4{"127.0.0.1", 7002};

std::array<char, 65'536> buffer; // every worker has its own

/// "t-left" and "t-right" with a UDP socket each, that are connected to each other.
void start_udp_pair(Stage& stage, const At& left, const At& right, const Talk& left_talk, const Talk& right_talk,
                    const std::function<void(int fd)>& prepare_right = {})
{
    const auto start = [&](const std::string& name, const At& own, const At& peer, const Talk& talk) {
        stage.start(name, [=](Self& self) {
            const int fd = self.udp(own);
            self.aim(fd, peer);
            if (prepare_right && name == "t-right") {
                prepare_right(fd);
            }
            self.step();
            talk(self, fd);
        });
    };
    start("t-left", left, right, left_talk);
    start("t-right", right, left, right_talk);
}

} // namespace

TEST_CASE("exact: UDP over v6, small packets at a high rate, both ways")
{
    TRUTH_DATAGRAMS();
    constexpr int rounds = 120; // 24,000 packets of 144 bytes fit in 4 MiB: a tool that does not run loses none
    constexpr int burst = 100;  // fits in a receive buffer
    const auto flood = [](Self& self, int fd) {
        for (int count = 0; count < burst; ++count) {
            send_one(self, fd, 17);
        }
    };
    const auto sink = [](Self& self, int fd) {
        for (int count = 0; count < burst; ++count) {
            receive_one(self, fd);
        }
    };
    Stage stage;
    start_udp_pair(
        stage, left6, right6,
        [=](Self& self, int fd) {
            for (int round = 0; round < rounds; ++round) {
                flood(self, fd);
                sink(self, fd);
            }
        },
        [=](Self& self, int fd) {
            for (int round = 0; round < rounds; ++round) {
                sink(self, fd);
                flood(self, fd);
            }
        });
    check(stage.measure());
}

TEST_CASE("exact: UDP segments made by the kernel (UDP_SEGMENT), received whole (UDP_GRO) or in pieces")
{
    TRUTH_DATAGRAMS();
    constexpr int messages = 40;
    constexpr std::size_t size = 32'500; // 32 segments of 1000 bytes and one of 500
    const auto run = [](int gro) {
        Stage stage;
        start_udp_pair(
            stage, left4, right4,
            [](Self& self, int fd) {
                set_option(fd, IPPROTO_UDP, UDP_SEGMENT, 1000);
                for (int count = 0; count < messages; ++count) {
                    send_one(self, fd, size);
                    receive_one(self, fd);
                }
            },
            [gro](Self& self, int fd) {
                for (int count = 0; count < messages; ++count) {
                    std::size_t most = 0;
                    for (std::size_t got = 0; got < size;) {
                        const std::size_t one = receive_one(self, fd);
                        got += one;
                        most = std::max(most, one);
                    }
                    if ((most > 1000) != (gro == 1)) {
                        throw std::runtime_error("the kernel did not cut as it was told");
                    }
                    send_one(self, fd, 1);
                }
            },
            [gro](int fd) { set_option(fd, IPPROTO_UDP, UDP_GRO, gro); });
        return stage.measure();
    };
    SUBCASE("whole") { check(run(1)); }
    SUBCASE("in pieces") { check(run(0)); }
}

TEST_CASE("exact: an unconnected UDP socket that answers many")
{
    TRUTH_DATAGRAMS();
    constexpr int clients = 5;
    constexpr int questions = 50;
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7000});
        self.step();
        for (int count = 0; count < clients * questions; ++count) {
            sockaddr_storage from{};
            socklen_t length = sizeof from;
            auto* address = reinterpret_cast<sockaddr*>(&from);
            self.count_rx(must(::recvfrom(fd, buffer.data(), buffer.size(), 0, address, &length), "recvfrom"));
            self.count_tx(must(::sendto(fd, buffer.data(), 777, 0, address, length), "sendto"));
        }
    });
    for (int client = 1; client <= clients; ++client) {
        const At own{"127.0.0.1", static_cast<std::uint16_t>(7000 + client)};
        stage.start("t-client-" + std::to_string(client), [=](Self& self) {
            const int fd = self.udp(own);
            self.step();
            for (int count = 0; count < questions; ++count) {
                self.send_datagram(fd, local4, static_cast<std::size_t>(client));
                receive_one(self, fd);
            }
        });
    }
    check(stage.measure());
}

TEST_CASE("exact: sendmmsg and recvmmsg")
{
    TRUTH_DATAGRAMS();
    constexpr unsigned batch = 32;
    constexpr int rounds = 50;
    struct Messages {
        std::array<iovec, batch> data{};
        std::array<mmsghdr, batch> headers{};
        explicit Messages(std::size_t step)
        {
            for (unsigned index = 0; index < batch; ++index) {
                data.at(index) = {.iov_base = buffer.data(), .iov_len = step * (index + 1)};
                headers.at(index).msg_hdr.msg_iov = &data.at(index);
                headers.at(index).msg_hdr.msg_iovlen = 1;
            }
        }
    };
    Stage stage;
    start_udp_pair(
        stage, left4, right4,
        [](Self& self, int fd) {
            Messages messages(11);
            for (int round = 0; round < rounds; ++round) {
                const int sent = must(::sendmmsg(fd, messages.headers.data(), batch, 0), "sendmmsg");
                for (int index = 0; index < sent; ++index) {
                    self.count_tx(messages.headers.at(static_cast<std::size_t>(index)).msg_len);
                }
                receive_one(self, fd);
            }
        },
        [](Self& self, int fd) {
            Messages messages(1000); // the longest are shorter than that
            for (int round = 0; round < rounds; ++round) {
                for (unsigned got = 0; got < batch;) {
                    const int now = must(::recvmmsg(fd, messages.headers.data(), batch - got, 0, nullptr), "recvmmsg");
                    for (int index = 0; index < now; ++index) {
                        self.count_rx(messages.headers.at(static_cast<std::size_t>(index)).msg_len);
                    }
                    got += static_cast<unsigned>(now);
                }
                send_one(self, fd, 1);
            }
        });
    check(stage.measure());
}

TEST_CASE("exact: UDP datagrams that are peeked at first, cut short or thrown away")
{
    TRUTH_EXACT_ONLY();
    constexpr int datagrams = 60;
    Stage stage;
    start_udp_pair(
        stage, left4, right4,
        [](Self& self, int fd) {
            for (int count = 0; count < datagrams; ++count) {
                send_one(self, fd, 1000);
            }
        },
        [](Self& self, int fd) {
            for (int count = 0; count < datagrams; ++count) {
                must(::recv(fd, buffer.data(), buffer.size(), MSG_PEEK), "peek");
                must(::recv(fd, buffer.data(), 100, MSG_PEEK | MSG_TRUNC), "peek");
                // What the caller gets is the smaller of the two, but for the call that asks for the real length.
                const std::size_t room = count % 3 == 0 ? 100 : count % 3 == 1 ? 0 : buffer.size();
                self.count_rx(must(::recv(fd, buffer.data(), room, 0), "recv"));
            }
        });
    check(stage.measure());
}

TEST_CASE("exact: sends that fail, and what comes back in the error queue")
{
    TRUTH_EXACT_ONLY();
    constexpr std::size_t size = 400; // an ICMP message has room for it
    Stage stage;
    stage.start("t-lonely", [](Self& self) {
        const int fd = self.udp(left4);
        self.aim(fd, right4); // where nobody is
        set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
        self.step();
        for (int count = 0; count < 20; ++count) {
            send_one(self, fd, size);
            expect_error(::send(fd, buffer.data(), size, 0), ECONNREFUSED, "a send to nobody");
            expect_error(::send(fd, buffer.data(), buffer.size(), 0), EMSGSIZE, "a datagram too long");
            iovec data{.iov_base = buffer.data(), .iov_len = buffer.size()};
            msghdr message{};
            message.msg_iov = &data;
            message.msg_iovlen = 1;
            if (must(::recvmsg(fd, &message, MSG_ERRQUEUE), "read the error queue") != static_cast<ssize_t>(size)) {
                throw std::runtime_error("the error queue does not have the datagram");
            }
        }
        expect_error(::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT), EAGAIN, "a read of nothing");
    });
    check(stage.measure());
}

TEST_CASE("exact: UDP with MSG_ZEROCOPY, and corked")
{
    TRUTH_DATAGRAMS();
    constexpr int datagrams = 20;
    Stage stage;
    start_udp_pair(
        stage, left4, right4,
        [](Self& self, int fd) {
            set_option(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
            for (int count = 0; count < datagrams; ++count) {
                send_one(self, fd, 20'000, MSG_ZEROCOPY);
                receive_one(self, fd);
                msghdr message{};
                std::array<char, 256> control;
                message.msg_control = control.data();
                message.msg_controllen = control.size();
                pollfd wait{.fd = fd, .events = 0, .revents = 0};
                must(::poll(&wait, 1, 1000), "poll");
                must(::recvmsg(fd, &message, MSG_ERRQUEUE), "read the error queue");
                send_one(self, fd, 300, MSG_MORE);
                send_one(self, fd, 40);
                receive_one(self, fd);
            }
        },
        [](Self& self, int fd) {
            for (int count = 0; count < 2 * datagrams; ++count) {
                receive_one(self, fd);
                send_one(self, fd, 1);
            }
        });
    check(stage.measure());
}
