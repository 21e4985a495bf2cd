// SPDX-License-Identifier: MIT
// Bytes that never pass through the process's memory: sendfile, splice, mapped receive.
#include "exact.hpp"

#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include <algorithm>
#include <vector>

using namespace truth;

namespace {

struct Pipe {
    Fd reader;
    Fd writer;
    Pipe()
    {
        int ends[2];
        must(::pipe2(ends, O_CLOEXEC), "pipe");
        reader = Fd(ends[0]);
        writer = Fd(ends[1]);
    }
};

Fd file_of(std::size_t bytes)
{
    Fd file(must(::memfd_create("truth", MFD_CLOEXEC), "memfd_create"));
    must(::ftruncate(file.get(), static_cast<off_t>(bytes)), "ftruncate");
    return file;
}

constexpr std::size_t chunk = 65'536;

/// Socket to pipe; the pipe is emptied beside it.
void splice_in(Self& self, int fd, std::size_t bytes)
{
    const Pipe pipe;
    std::vector<char> buffer(chunk);
    while (bytes > 0) {
        const ssize_t got =
            must(::splice(fd, nullptr, pipe.writer.get(), nullptr, std::min(bytes, chunk), SPLICE_F_MOVE), "splice in");
        if (got == 0) {
            throw std::runtime_error("the peer ended early");
        }
        bytes -= static_cast<std::size_t>(self.count_rx(got));
        for (ssize_t left = got; left > 0;) {
            left -= must(::read(pipe.reader.get(), buffer.data(), buffer.size()), "empty the pipe");
        }
    }
}

void splice_to_end(Self& self, int fd)
{
    for (;;) {
        const Pipe pipe;
        const ssize_t got =
            self.count_rx(must(::splice(fd, nullptr, pipe.writer.get(), nullptr, chunk, SPLICE_F_MOVE), "splice in"));
        if (got == 0) {
            return;
        }
    }
}

/// File to pipe to socket.
void splice_out(Self& self, int fd, std::size_t bytes)
{
    const Pipe pipe;
    const Fd file = file_of(bytes);
    while (bytes > 0) {
        ssize_t ready = must(::splice(file.get(), nullptr, pipe.writer.get(), nullptr, std::min(bytes, chunk), 0),
                             "splice to the pipe");
        bytes -= static_cast<std::size_t>(ready);
        while (ready > 0) {
            ready -= self.count_tx(
                must(::splice(pipe.reader.get(), nullptr, fd, nullptr, static_cast<std::size_t>(ready), SPLICE_F_MORE),
                     "splice out"));
        }
    }
}

void send_file(Self& self, int fd, std::size_t bytes)
{
    const Fd file = file_of(bytes);
    while (bytes > 0) {
        bytes -= static_cast<std::size_t>(self.count_tx(must(::sendfile(fd, file.get(), nullptr, bytes), "sendfile")));
    }
}

} // namespace

TEST_CASE("exact: sendfile, and splice out of a pipe")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    start_connection(
        stage, [](Self& self, int fd) { self.receive(fd, 3'333'333 + 2'222'222); },
        [](Self& self, int fd) {
            send_file(self, fd, 3'333'333);
            splice_out(self, fd, 2'222'222);
        });
    check(stage.measure());
}

TEST_CASE("exact: splice in, on a connection of the window")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        splice_in(self, self.accept(listener), 4'000'001);
    });
    stage.start("t-client", [](Self& self) {
        self.step();
        self.send(self.connect(local4), 4'000'001);
    });
    check(stage.measure());
}

TEST_CASE("exact: splice in, on a connection that was there and had data before the window")
{
    TRUTH_EXACT_ONLY();
    const auto run = [](const Talk& read) { // 30,000 bytes that wait and 800,000 that come
        Stage stage;
        stage.start("t-server", [=](Self& self) {
            const int fd = self.accept(self.listen(local4));
            self.receive(fd, 54'321);
            self.step();
            read(self, fd);
        });
        stage.start("t-client", [](Self& self) {
            const int fd = self.connect(local4);
            self.send(fd, 54'321 + 30'000);
            self.step();
            self.send(fd, 800'000);
        });
        return stage.measure();
    };
    SUBCASE("nothing but splice")
    {
        check(run([](Self& self, int fd) { splice_in(self, fd, 830'000); }));
    }
    SUBCASE("splice first, and recv by turns")
    {
        check(run([](Self& self, int fd) {
            for (int turn = 0; turn < 10; ++turn) {
                splice_in(self, fd, 41'000);
                self.receive(fd, 42'000);
            }
        }));
    }
    SUBCASE("recv first, and splice by turns")
    {
        check(run([](Self& self, int fd) {
            for (int turn = 0; turn < 10; ++turn) {
                self.receive(fd, 42'000);
                splice_in(self, fd, 41'000);
            }
        }));
    }
    SUBCASE("peek first, then splice")
    {
        check(run([](Self& self, int fd) {
            std::vector<char> buffer(1000);
            for (int turn = 0; turn < 10; ++turn) {
                must(::recv(fd, buffer.data(), buffer.size(), MSG_PEEK), "peek");
                splice_in(self, fd, 83'000);
            }
        }));
    }
}

TEST_CASE("exact: splice in, accepted in the window and full before it")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        splice_in(self, self.accept(listener), 60'000);
    });
    stage.start("t-client", [](Self& self) {
        const int fd = self.connect(local4);
        self.send(fd, 50'000);
        self.step();
        self.send(fd, 10'000);
    });
    check(stage.measure());
}

TEST_CASE("exact: splice in, on a connection of another network namespace that was there before")
{
    TRUTH_EXACT_ONLY();
    const auto run = [](const Talk& read) {
        Stage stage;
        const Netns other;
        start_connection(stage, {.net = &other}, read, [](Self& self, int fd) { self.send(fd, 500'000); });
        return stage.measure();
    };
    SUBCASE("recv first: exact")
    {
        check(run([](Self& self, int fd) {
            self.receive(fd, 1000);
            splice_in(self, fd, 499'000);
        }));
    }
    SUBCASE("peek and recv first: exact")
    {
        check(run([](Self& self, int fd) {
            char byte = 0;
            must(::recv(fd, &byte, 1, MSG_PEEK), "peek");
            self.receive(fd, 1000);
            splice_in(self, fd, 499'000);
        }));
    }
    SUBCASE("peek only: nothing moved, and nothing missed")
    {
        check(run([](Self&, int fd) {
            char byte = 0;
            must(::recv(fd, &byte, 1, MSG_PEEK), "peek");
        }));
    }
    SUBCASE("splice first: exact")
    {
        check(run([](Self& self, int fd) { splice_in(self, fd, 500'000); }));
    }
}

TEST_CASE("exact: splice in, to the end of file")
{
    TRUTH_EXACT_ONLY();
    const auto run = [](const Talk& read) { // 100,000 bytes and the end of file wait
        Stage stage;
        start_connection(
            stage,
            [=](Self& self, int fd) {
                self.sleep(150ms);
                read(self, fd);
                splice_to_end(self, fd);
            },
            [](Self& self, int fd) {
                self.send(fd, 100'000);
                must(::shutdown(fd, SHUT_WR), "shutdown");
            });
        return stage.measure();
    };
    SUBCASE("in one go")
    {
        check(run([](Self&, int) {}));
    }
    SUBCASE("the last byte alone")
    {
        check(run([](Self& self, int fd) { self.receive(fd, 99'999); }));
    }
    SUBCASE("nothing but the end")
    {
        check(run([](Self& self, int fd) { self.receive(fd, 100'000); }));
    }
}

TEST_CASE("exact: splice in, from UDP")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    stage.start("t-self", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        self.step();
        for (int count = 0; count < 50; ++count) {
            self.send_datagram(fd, {"127.0.0.1", 7001}, 3000);
            splice_in(self, fd, 3000);
        }
    });
    check(stage.measure());
}

TEST_CASE("exact: splice in and sendfile, on MPTCP")
{
    TRUTH_EXACT_ONLY();
    if (!has_protocol(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)) {
        TRUTH_SKIP("this kernel has no MPTCP");
    }
    Stage stage;
    stage.start("t-server", [](Self& self) {
        const int listener = must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP), "socket");
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(local4.port);
        must(::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at), "bind");
        must(::listen(listener, 1), "listen");
        self.step();
        splice_in(self, self.accept(listener), 1'000'000);
    });
    stage.start("t-client", [](Self& self) {
        self.step();
        const int fd = self.adopt(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP), "socket"));
        self.aim(fd, local4);
        send_file(self, fd, 1'000'000);
    });
    check(stage.measure());
}

TEST_CASE("exact: TCP_ZEROCOPY_RECEIVE, mapped and copied")
{
    TRUTH_EXACT_ONLY();
    constexpr std::size_t bytes = 2'000'000;
    Stage stage;
    start_connection(
        stage,
        [](Self& self, int fd) {
            void* const area = ::mmap(nullptr, chunk, PROT_READ, MAP_SHARED, fd, 0);
            if (area == MAP_FAILED) {
                fail("mmap of a socket");
            }
            std::vector<char> buffer(chunk);
            std::size_t mapped = 0;
            for (std::size_t left = bytes; left > 0;) {
                pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
                must(::poll(&wait, 1, 5000), "poll");
                tcp_zerocopy_receive how{};
                how.address = reinterpret_cast<std::uintptr_t>(area);
                how.length = chunk;
                how.copybuf_address = reinterpret_cast<std::uintptr_t>(buffer.data());
                how.copybuf_len = 5000;
                socklen_t length = sizeof how;
                must(::getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &how, &length), "TCP_ZEROCOPY_RECEIVE");
                left -= static_cast<std::size_t>(self.count_rx(ssize_t{how.length} + how.copybuf_len));
                mapped += how.length;
                const std::size_t hint = std::min<std::size_t>(how.recv_skip_hint, chunk);
                if (hint > 0) {
                    left -= static_cast<std::size_t>(self.count_rx(must(::recv(fd, buffer.data(), hint, 0), "recv")));
                }
            }
            if (mapped == 0) {
                std::fputs("truth: TCP_ZEROCOPY_RECEIVE only copied here\n", stderr);
            }
        },
        [](Self& self, int fd) {
            set_option(fd, SOL_SOCKET, SO_ZEROCOPY, 1); // over lo it is copied into whole pages, which can be mapped
            void* const pages = ::mmap(nullptr, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            for (std::size_t left = bytes; left > 0;) {
                left -= static_cast<std::size_t>(
                    self.count_tx(must(::send(fd, pages, std::min(left, chunk), MSG_ZEROCOPY), "send")));
            }
        });
    check(stage.measure());
}
