// SPDX-License-Identifier: MIT
// Windows that follow each other, of datagrams: they have no counters in the kernel, and their sockets have no end that
// packets would show.
#include "exact.hpp"
#include "windows.hpp"

#include <random>

using namespace truth;

namespace {

const At server{"127.0.0.1", 7011};
const At peer{"127.0.0.1", 7012};

/// Answers so many datagrams, wherever they come from.
void answer(Self& self, int fd, int datagrams, std::size_t bytes)
{
    const std::vector<char> text(bytes);
    std::vector<char> buffer(2000);
    for (int datagram = 0; datagram < datagrams; ++datagram) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        auto* address = reinterpret_cast<sockaddr*>(&from);
        self.count_rx(must(::recvfrom(fd, buffer.data(), buffer.size(), 0, address, &size), "recvfrom"));
        self.count_tx(must(::sendto(fd, text.data(), text.size(), 0, address, size), "sendto"));
    }
}

void ask(Self& self, int fd, int datagrams, std::size_t bytes)
{
    for (int datagram = 0; datagram < datagrams; ++datagram) {
        self.send_datagram(fd, server, bytes);
        self.receive_datagram(fd);
    }
}

} // namespace

TEST_CASE("windows: UDP sockets that come and go all the time")
{
    TRUTH_DATAGRAMS();
    constexpr int clients = 4;
    constexpr int sockets = 12;
    constexpr int datagrams = 3;
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int fd = self.udp(server);
        self.step();
        answer(self, fd, clients * sockets * datagrams, 300);
    });
    for (int client = 0; client < clients; ++client) {
        stage.start("t-client-" + std::to_string(client), [=](Self& self) {
            std::mt19937 random(static_cast<unsigned>(client)); // NOLINT(cert-msc51-cpp): the same sizes in every run
            self.step();
            for (int socket = 0; socket < sockets; ++socket) {
                const int fd = self.udp({"127.0.0.1", 0});
                ask(self, fd, datagrams, 1 + random() % 1000);
                self.wait_until_owned(fd);
                self.close(fd);
            }
        });
    }
    const Series series = stage.measure_series(60, {.pace = 60ms});
    // A datagram in a queue when a window ends, of a socket that is closed in the next, is counted and called unsure.
    check(sum_of(series), {.complete = bar_of(backend_name()).knows_caller});
}

TEST_CASE("windows: a UDP port that another process takes, for the same peer")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    const auto serve = [](Self& self) {
        const int fd = self.udp(server);
        self.call("t-bound");
        answer(self, fd, 5, 100);
        self.wait_until_owned(fd);
        self.close(fd);
    };
    stage.start("t-first", [=](Self& self) {
        self.step();
        serve(self);
        self.call("t-next");
    });
    stage.start("t-second", [=](Self& self) {
        self.step();
        self.await_call("t-next");
        self.wait_for_windows(2);
        serve(self);
    });
    stage.start("t-peer", [](Self& self) {
        const int fd = self.udp(peer);
        self.step();
        self.await_call("t-bound");
        ask(self, fd, 5, 900);
        self.await_call("t-bound");
        ask(self, fd, 5, 70);
    });
    const Series series = stage.measure_series(10, {.pace = 150ms});
    check(sum_of(series));
}

TEST_CASE("windows: datagrams that wait from one window to a later one, in which their socket is closed")
{
    TRUTH_DATAGRAMS();
    constexpr int datagrams = 20;
    Stage stage;
    stage.start("t-reader", [](Self& self) {
        const int fd = self.udp(server);
        self.step();
        for (int datagram = 0; datagram < datagrams; ++datagram) {
            if (datagram == datagrams / 2) {
                self.wait_for_windows(2);
            }
            self.receive_datagram(fd);
        }
        self.close(fd);
    });
    stage.start("t-sender", [](Self& self) {
        const int fd = self.udp(peer);
        self.step();
        for (int datagram = 0; datagram < datagrams; ++datagram) {
            self.send_datagram(fd, server, 400);
        }
    });
    const Series series = stage.measure_series(6, {.pace = 200ms});
    check(sum_of(series), {.complete = bar_of(backend_name()).knows_caller});
}
