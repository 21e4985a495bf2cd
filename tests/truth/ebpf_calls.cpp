// SPDX-License-Identifier: MIT
// The ways to call send and recv on a TCP socket that do not move what they are asked for.
#include "exact.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <vector>

using namespace truth;

namespace {

std::array<char, 1 << 20> buffer;

} // namespace

TEST_CASE("exact: TCP bytes that are peeked at are counted when they are read")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    start_connection(
        stage,
        [](Self& self, int fd) {
            for (int count = 0; count < 50; ++count) {
                for (int look = 0; look < 3; ++look) {
                    must(::recv(fd, buffer.data(), 2000, MSG_PEEK), "peek");
                }
                self.receive(fd, 3000);
            }
            wait_for(fd, POLLIN);
            must(::recv(fd, buffer.data(), buffer.size(), MSG_PEEK), "peek"); // and never read
        },
        [](Self& self, int fd) { self.send(fd, 50 * 3000 + 500); });
    check(stage.measure());
}

TEST_CASE("exact: TCP bytes that MSG_TRUNC throws away were received")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    start_connection(
        stage,
        [](Self& self, int fd) {
            for (std::size_t left = 300'000; left > 0;) {
                left -= static_cast<std::size_t>(
                    self.count_rx(must(::recv(fd, nullptr, std::min<std::size_t>(left, 7000), MSG_TRUNC), "recv")));
            }
        },
        [](Self& self, int fd) { self.send(fd, 300'000); });
    check(stage.measure());
}

TEST_CASE("exact: MSG_WAITALL, and small pieces of big segments")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    start_connection(
        stage,
        [](Self& self, int fd) {
            self.count_rx(must(::recv(fd, buffer.data(), 500'000, MSG_WAITALL), "recv"));
            for (int count = 0; count < 2000; ++count) {
                self.receive(fd, 3);
            }
        },
        [](Self& self, int fd) { self.send(fd, 506'000); });
    check(stage.measure());
}

TEST_CASE("exact: the urgent byte")
{
    TRUTH_EXACT_ONLY();
    // 1000 bytes, one urgent byte, 2000 bytes.
    const auto run = [](const Talk& read) {
        Stage stage;
        start_connection(stage, read, [](Self& self, int fd) {
            self.send(fd, 1000);
            self.count_tx(must(::send(fd, "!", 1, MSG_OOB), "send"));
            self.send(fd, 2000);
        });
        return stage.measure();
    };
    const auto read_urgent = [](Self& self, int fd) {
        wait_for(fd, POLLPRI);
        self.count_rx(must(::recv(fd, buffer.data(), 1, MSG_OOB), "recv"));
    };
    SUBCASE("read, and everything around it")
    {
        check(run([=](Self& self, int fd) {
            read_urgent(self, fd);
            self.receive(fd, 3000);
        }));
    }
    SUBCASE("read, and nothing else") { check(run(read_urgent)); }
    SUBCASE("never read")
    {
        check(run([](Self& self, int fd) {
            wait_for(fd, POLLPRI);
            self.receive(fd, 3000);
        }));
    }
    SUBCASE("peeked at, then read")
    {
        check(run([=](Self& self, int fd) {
            wait_for(fd, POLLPRI);
            must(::recv(fd, buffer.data(), 1, MSG_OOB | MSG_PEEK), "peek");
            read_urgent(self, fd);
            self.receive(fd, 3000);
        }));
    }
    SUBCASE("in line with the others")
    {
        check(run([](Self& self, int fd) {
            set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
            self.receive(fd, 3001);
        }));
    }
}

TEST_CASE("exact: sends that take a part, or nothing")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    start_connection(
        stage,
        [](Self& self, int fd) {
            self.await_call("t-stuck");
            self.receive_to_end(fd);
        },
        [](Self& self, int fd) {
            set_option(fd, SOL_SOCKET, SO_SNDBUF, 20'000);
            int partial = 0;
            int refused = 0;
            for (int count = 0; count < 20; ++count) {
                const ssize_t sent = ::send(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
                if (sent < 0) {
                    expect_error(sent, EAGAIN, "a send to a full queue");
                    if (++refused == 1) {
                        self.call("t-stuck");
                    }
                    wait_for(fd, POLLOUT);
                } else {
                    self.count_tx(sent);
                    ++partial;
                }
            }
            if (partial == 0 || refused == 0) {
                throw std::runtime_error("no send took a part only");
            }
            must(::shutdown(fd, SHUT_WR), "shutdown");
            expect_error(::send(fd, buffer.data(), 1000, MSG_NOSIGNAL), EPIPE, "a send after shutdown");
            expect_error(::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_PEEK), EAGAIN,
                         "a read of nothing");
        });
    check(stage.measure());
}

TEST_CASE("exact: connections that fail, and sends on one that was reset")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    start_connection(
        stage, [](Self& self, int fd) { self.receive(fd, 100), self.close(fd, Closing::reset); },
        [](Self& self, int fd) {
            self.send(fd, 100);
            wait_for(fd, POLLHUP);
            expect_error(::send(fd, buffer.data(), 1000, MSG_NOSIGNAL), ECONNRESET, "a send after a reset");
            expect_error(::send(fd, buffer.data(), 1000, MSG_NOSIGNAL), EPIPE, "a send after a reset");
            const Fd lonely(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
            sockaddr_in nobody_there{};
            nobody_there.sin_family = AF_INET;
            nobody_there.sin_port = htons(9);
            nobody_there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            expect_error(::connect(lonely.get(), reinterpret_cast<const sockaddr*>(&nobody_there), sizeof nobody_there),
                         ECONNREFUSED, "a connection to nobody");
            expect_error(::send(lonely.get(), buffer.data(), 1000, MSG_NOSIGNAL), EPIPE, "a send to nobody");
        });
    check(stage.measure());
}

TEST_CASE("exact: data in the SYN (TCP fast open)")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    constexpr int connections = 20;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        set_option(listener, IPPROTO_TCP, 23 /* TCP_FASTOPEN */, 16);
        const Fd sysctl(must(::open("/proc/sys/net/ipv4/tcp_fastopen", O_WRONLY | O_CLOEXEC), "open"));
        must(::write(sysctl.get(), "519", 3), "allow fast open without cookies");
        self.step();
        for (int count = 0; count < connections; ++count) {
            const int fd = self.accept(listener);
            self.exchange(fd, 2000, 1000);
        }
    });
    stage.start("t-client", [](Self& self) {
        self.step();
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(local4.port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        for (int count = 0; count < connections; ++count) {
            const int fd = self.adopt(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
            const auto* address = reinterpret_cast<const sockaddr*>(&to);
            self.count_tx(must(::sendto(fd, buffer.data(), 1000, MSG_FASTOPEN, address, sizeof to), "sendto"));
            self.receive(fd, 2000);
        }
    });
    check(stage.measure());
}
