// SPDX-License-Identifier: MIT
// UDP ports that several processes have, at once or one after the other: what may be of either is nobody's.
#include "exact.hpp"

#include <algorithm>

using namespace truth;

namespace {

constexpr int datagrams = 40;
const At port{"127.0.0.1", 7002};
const At first_stop{"127.0.0.1", 7102};
const At second_stop{"127.0.0.1", 7202};

/// One of several sockets at `port`, each of which gets some of the datagrams.
int join(Self& self)
{
    const int fd = must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    sockaddr_in own{.sin_family = AF_INET, .sin_port = htons(port.port), .sin_addr = {}, .sin_zero = {}};
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own), "bind");
    return self.adopt(fd);
}

bool is_readable(int fd)
{
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    return must(::poll(&wait, 1, 0), "poll") != 0;
}

/// Reads all that comes until a datagram comes to `stop`.
void read_until(Self& self, int fd, int stop)
{
    while (is_readable(fd) || !is_readable(stop)) {
        pollfd waits[]{{.fd = fd, .events = POLLIN, .revents = 0}, {.fd = stop, .events = POLLIN, .revents = 0}};
        must(::poll(waits, 2, 10'000), "poll");
        if (is_readable(fd)) {
            self.receive_datagram(fd);
        }
    }
    self.receive_datagram(stop);
}

/// From a socket, and so a port, for each datagram.
void send(Self& self, int count)
{
    for (int datagram = 0; datagram < count; ++datagram) {
        self.send_datagram(self.udp({"127.0.0.1", 0}), port, 100);
    }
}

/// Returns when sockets have been listed again.
void wait_for_list(Self& self)
{
    const int fd = self.udp({"127.0.0.1", 0});
    self.send_datagram(fd, {"127.0.0.1", 7009}, 1);
    self.wait_until_owned(fd);
}

/// No process has more than it moved.
Expect not_all_attributed() { return {.share = bar_of(backend_name()).knows_caller ? 1.0 : 0.0}; }

} // namespace

TEST_CASE("udp: a port of two processes, one of which closes it before the window ends")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    const auto read = [&](const std::string& name, const At& stop, bool closes) {
        stage.start(name, [=](Self& self) {
            const int fd = join(self);
            const int stopper = self.udp(stop);
            self.step();
            read_until(self, fd, stopper);
            if (closes) {
                self.close(fd);
            }
            self.call(name + "-done");
        });
    };
    read("t-first", first_stop, true);
    read("t-second", second_stop, false);
    stage.start("t-sender", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 0});
        self.step();
        send(self, datagrams);
        self.send_datagram(fd, second_stop, 1);
        self.await_call("t-second-done");
        self.send_datagram(fd, first_stop, 1);
        self.await_call("t-first-done");
    });
    check(stage.measure(), not_all_attributed());
}

TEST_CASE("udp: a port of two processes, one of which is bound to a device that nothing comes by")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    const Netns other;
    join(stage.netns(), other);
    const auto join_any = [](Self& self, bool is_bound) {
        const int fd = must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (is_bound) {
            must(::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "near", 4), "bind to device");
        }
        const SocketAddress any = resolve({"0.0.0.0", port.port});
        must(::bind(fd, any.get(), any.size), "bind");
        return self.adopt(fd);
    };
    stage.start("t-bound", [=](Self& self) {
        join_any(self, true);
        self.step();
    });
    stage.start("t-any", [=](Self& self) {
        const int fd = join_any(self, false);
        self.step();
        for (int datagram = 0; datagram < datagrams; ++datagram) {
            self.receive_datagram(fd);
        }
    });
    stage.start("t-sender", [](Self& self) {
        self.step();
        send(self, datagrams);
    });
    check(stage.measure(), not_all_attributed());
}

TEST_CASE("udp: a port that another process joins and leaves in the window")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    stage.start("t-stays", [](Self& self) {
        const int fd = join(self);
        const int stop = self.udp(first_stop);
        self.step();
        read_until(self, fd, stop);
        self.call("t-stays-done");
    });
    stage.start("t-leaves", [](Self& self) {
        const int stop = self.udp(second_stop);
        self.step();
        self.await_call("t-join");
        const int fd = join(self);
        self.call("t-joined");
        self.wait_until_owned(fd);
        read_until(self, fd, stop);
        self.close(fd);
        self.call("t-left");
    });
    stage.start("t-sender", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 0});
        self.step();
        send(self, 5);
        self.call("t-join");
        self.await_call("t-joined");
        send(self, datagrams);
        self.send_datagram(fd, second_stop, 1);
        self.await_call("t-left");
        send(self, 5);
        self.send_datagram(fd, first_stop, 1);
        self.await_call("t-stays-done");
    });
    check(stage.measure(), not_all_attributed());
}

TEST_CASE("udp: a port that another process takes in the window, for the same peer")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    const At peer{"127.0.0.1", 7001};
    const auto serve = [](Self& self) {
        const int fd = self.udp(port);
        self.call("t-bound");
        for (int datagram = 0; datagram < 5; ++datagram) {
            self.receive_datagram(fd);
        }
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
        serve(self);
    });
    stage.start("t-peer", [=](Self& self) {
        const int fd = self.udp(peer);
        self.step();
        for (const std::size_t size : {900U, 70U}) {
            self.await_call("t-bound");
            for (int datagram = 0; datagram < 5; ++datagram) {
                self.send_datagram(fd, port, size);
            }
        }
    });
    check(stage.measure(), not_all_attributed());
}

TEST_CASE("udp: a port that a process takes after datagrams came for nobody")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    stage.start("t-late", [](Self& self) {
        self.step();
        self.await_call("t-bind");
        const int fd = self.udp(port);
        self.call("t-bound");
        for (int datagram = 0; datagram < 2; ++datagram) {
            self.receive_datagram(fd);
        }
    });
    stage.start("t-peer", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        self.step();
        for (int datagram = 0; datagram < 3; ++datagram) {
            self.send_datagram(fd, port, 1000);
        }
        wait_for_list(self);
        self.call("t-bind");
        self.await_call("t-bound");
        wait_for_list(self);
        for (int datagram = 0; datagram < 2; ++datagram) {
            self.send_datagram(fd, port, 10);
        }
    });
    check(stage.measure());
}

TEST_CASE("udp: datagrams of a shared port count although as many came to a port that was closed")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    const At closed{"127.0.0.1", 7003};
    for (const auto& reader : {std::pair{"t-first", first_stop}, std::pair{"t-second", second_stop}}) {
        stage.start(reader.first, [=](Self& self) {
            const int fd = join(self);
            const int stopper = self.udp(reader.second);
            self.step();
            read_until(self, fd, stopper);
            self.call(std::string(reader.first) + "-done");
        });
    }
    stage.start("t-closes", [=](Self& self) {
        const int fd = self.udp(closed);
        self.step();
        self.receive_datagram(fd);
        self.wait_until_owned(fd);
        self.close(fd);
        wait_for_list(self);
        self.call("t-closed");
    });
    stage.start("t-sender", [=](Self& self) {
        const int fd = self.udp({"127.0.0.1", 0});
        self.step();
        self.send_datagram(fd, closed, 100);
        self.await_call("t-closed");
        for (int datagram = 0; datagram < datagrams; ++datagram) {
            self.send_datagram(fd, closed, 100);
        }
        send(self, datagrams);
        self.send_datagram(fd, first_stop, 1);
        self.await_call("t-first-done");
        self.send_datagram(fd, second_stop, 1);
        self.await_call("t-second-done");
    });
    check(stage.measure(), not_all_attributed());
}

TEST_CASE("udp: a port of two processes, one of which gets all that comes and the other one sends")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    const auto bind_to = [](Self& self, in_addr_t address) {
        const int fd = must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        const sockaddr_in own{
            .sin_family = AF_INET, .sin_port = htons(port.port), .sin_addr = {htonl(address)}, .sin_zero = {}};
        must(::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own), "bind");
        return self.adopt(fd);
    };
    stage.start("t-sends", [=](Self& self) {
        const int fd = bind_to(self, INADDR_ANY);
        self.step();
        for (int datagram = 0; datagram < datagrams; ++datagram) {
            self.send_datagram(fd, {"127.0.0.1", 7001}, 100);
        }
    });
    stage.start("t-gets", [=](Self& self) {
        const int fd = bind_to(self, INADDR_LOOPBACK);
        self.step();
        for (int datagram = 0; datagram < datagrams; ++datagram) {
            self.receive_datagram(fd);
        }
    });
    stage.start("t-peer", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        self.step();
        for (int datagram = 0; datagram < datagrams; ++datagram) {
            self.receive_datagram(fd);
            self.send_datagram(fd, port, 70);
        }
    });
    check(stage.measure(), not_all_attributed());
}
