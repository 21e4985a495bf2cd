// SPDX-License-Identifier: MIT
// Many at a time and very short: processes, connections, threads; and several processes on one socket.
#include "exact.hpp"

#include <poll.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

using namespace truth;

namespace {

constexpr RequestReply small{.request = 2000, .reply = 3000};
thread_local std::array<char, 65'536> buffer;

void join_all(int children)
{
    for (int child = 0; child < children; ++child) {
        int status = 0;
        must(::wait(&status), "wait");
        if (status != 0) {
            throw std::runtime_error("a child failed");
        }
    }
}

void start_server(Stage& stage, std::size_t connections)
{
    stage.start("t-server", [=](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, connections, small);
    });
}

/// Runs `body` on so many threads at once.
void on_threads(int count, const std::function<void(int)>& body)
{
    std::vector<std::thread> threads;
    std::exception_ptr error;
    for (int index = 0; index < count; ++index) {
        threads.emplace_back([&, index] {
            try {
                body(index);
            } catch (...) {
                error = std::current_exception();
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    if (error) {
        std::rethrow_exception(error);
    }
}

/// Sends in small pieces until so many bytes are gone, and reads beside it what comes, to the end.
void mingle(Self& self, int fd, std::size_t tx)
{
    for (bool ended = false; tx > 0 || !ended;) {
        const auto events = static_cast<short>((tx > 0 ? POLLOUT : 0) | (ended ? 0 : POLLIN));
        pollfd wait{.fd = fd, .events = events, .revents = 0};
        must(::poll(&wait, 1, 10'000), "poll");
        if (tx > 0) {
            const ssize_t sent = ::send(fd, buffer.data(), std::min<std::size_t>(tx, 700), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent > 0) {
                tx -= static_cast<std::size_t>(self.count_tx(sent));
            } else {
                expect_error(sent, EAGAIN, "send");
            }
        }
        const ssize_t got = ::recv(fd, buffer.data(), 900, MSG_DONTWAIT);
        if (got >= 0) {
            ended = got == 0;
            self.count_rx(got);
        } else {
            expect_error(got, EAGAIN, "recv");
        }
    }
}

/// The other end of a connection that several mingle on.
void answer_minglers(Self& self, int fd, std::size_t tx, std::size_t rx)
{
    self.exchange(fd, tx, rx);
    must(::shutdown(fd, SHUT_WR), "shutdown");
}

} // namespace

TEST_CASE("exact: 200 processes of 2 ms, one after another")
{
    TRUTH_EXACT_ONLY();
    constexpr int processes = 200;
    Stage stage;
    start_server(stage, processes);
    stage.start("t-parent", [](Self& self) {
        self.step();
        for (int process = 0; process < processes; ++process) {
            self.join(self.child("t-child", [](Self& child) { child.visit(local4, small, 2ms); }));
        }
    });
    check(stage.measure({.window = 3000ms}));
}

TEST_CASE("exact: a burst of 64 processes at once")
{
    TRUTH_EXACT_ONLY();
    constexpr int processes = 64;
    Stage stage;
    start_server(stage, processes * 5);
    stage.start("t-parent", [](Self& self) {
        int start[2];
        must(::pipe(start), "pipe");
        for (int process = 0; process < processes; ++process) {
            self.child("t-child-" + std::to_string(process), [&](Self& child) {
                ::close(start[1]);
                char byte = 0;
                must(::read(start[0], &byte, 1), "wait for the start");
                for (int visit = 0; visit < 5; ++visit) {
                    child.visit(local4, small, 0ms);
                }
            });
        }
        self.step();
        ::close(start[1]); // all of them go on
        join_all(processes);
    });
    check(stage.measure({.window = 3000ms}));
}

TEST_CASE("exact: a slow drip")
{
    TRUTH_EXACT_ONLY();
    constexpr int drops = 40;
    Stage stage;
    start_connection(
        stage, [](Self& self, int fd) { self.receive(fd, drops); },
        [](Self& self, int fd) {
            for (int drop = 0; drop < drops; ++drop) {
                self.send(fd, 1);
                self.sleep(20ms);
            }
        });
    check(stage.measure({.window = 2000ms}));
}

TEST_CASE("exact: 5,000 small connections")
{
    TRUTH_EXACT_ONLY();
    constexpr int clients = 5;
    constexpr int visits = 1000;
    Stage stage;
    start_server(stage, clients * visits);
    for (int client = 0; client < clients; ++client) {
        stage.start("t-client-" + std::to_string(client), [](Self& self) {
            self.step();
            for (int visit = 0; visit < visits; ++visit) {
                self.visit(local4, small, 0ms);
            }
        });
    }
    SUBCASE("by process") { check(stage.measure({.window = 5000ms})); }
    SUBCASE("by connection")
    {
        const Measured measured = stage.measure({.window = 5000ms, .arguments = {"--by", "connection"}});
        CHECK(measured.report.complete);
        CHECK(measured.report.rows.size() == 2 * clients * visits);
        std::uint64_t odd = 0;
        for (const Row& row : measured.report.rows) {
            const bool server = row.process == "t-server";
            const bool right = row.rx_bytes == (server ? small.request : small.reply) &&
                               row.tx_bytes == (server ? small.reply : small.request);
            odd += right ? 0 : 1;
        }
        CHECK(odd == 0);
    }
}

TEST_CASE("exact: threads of one process on one socket")
{
    TRUTH_EXACT_ONLY();
    constexpr int threads = 4;
    constexpr int datagrams = 10'000; // a thread
    Stage stage;
    stage.start("t-threads", [](Self& self) {
        const int sender = self.udp({"127.0.0.1", 7001});
        const int receiver = self.udp({"127.0.0.1", 7002});
        self.aim(sender, {"127.0.0.1", 7002});
        std::atomic<int> senders{threads};
        self.step();
        on_threads(2 * threads, [&](int index) {
            if (index < threads) {
                for (int count = 0; count < datagrams; ++count) {
                    self.count_tx(must(::send(sender, buffer.data(), static_cast<std::size_t>(index + 1), 0), "send"));
                }
                --senders;
                return;
            }
            for (;;) { // what is lost is lost
                const bool last = senders == 0;
                const ssize_t got = ::recv(receiver, buffer.data(), buffer.size(), MSG_DONTWAIT);
                if (got > 0) {
                    self.count_rx(got);
                } else if (last) {
                    return;
                }
            }
        });
    });
    check(stage.measure({.window = 3000ms}));
}

TEST_CASE("exact: threads of one process on one connection")
{
    TRUTH_EXACT_ONLY();
    constexpr int threads = 4;
    constexpr std::size_t up = 700'000; // a thread
    constexpr std::size_t down = 3'000'000;
    const auto run = [](bool other_namespace) {
        Stage stage;
        const Netns other;
        start_connection(
            stage, other_namespace ? Place{.net = &other} : stage.place(),
            [](Self& self, int fd) { answer_minglers(self, fd, down, threads * up); },
            [](Self& self, int fd) { on_threads(threads, [&](int) { mingle(self, fd, up); }); });
        return stage.measure({.window = 2500ms});
    };
    SUBCASE("here") { check(run(false)); }
    SUBCASE("in another network namespace") { check(run(true)); }
}

TEST_CASE("exact: two threads that make the first reads of a connection at once")
{
    TRUTH_EXACT_ONLY();
    constexpr int connections = 1000;
    constexpr std::size_t piece = 1000;
    const auto run = [](bool other_namespace) {
        Stage stage;
        const Netns other;
        const Place place = other_namespace ? Place{.net = &other} : stage.place();
        stage.start("t-server", place, [](Self& self) {
            const int listener = self.listen(local4);
            std::vector<int> fds;
            for (int count = 0; count < connections; ++count) {
                fds.push_back(self.accept(listener));
            }
            self.step();
            self.sleep(50ms);
            std::atomic<int> arrived{0};
            on_threads(2, [&](int) {
                for (int count = 0; count < connections; ++count) {
                    ++arrived;
                    while (arrived < 2 * (count + 1)) { // side by side
                    }
                    self.count_rx(
                        must(::recv(fds[static_cast<std::size_t>(count)], buffer.data(), piece, MSG_WAITALL), "recv"));
                }
            });
        });
        stage.start("t-client", place, [](Self& self) {
            std::vector<int> fds;
            for (int count = 0; count < connections; ++count) {
                fds.push_back(self.connect(local4));
                self.send(fds.back(), 2 * piece);
            }
            self.step();
        });
        return stage.measure({.window = 2000ms});
    };
    SUBCASE("here") { check(run(false)); }
    SUBCASE("in another network namespace") { check(run(true)); }
}

TEST_CASE("exact: threads of one process on many connections")
{
    TRUTH_EXACT_ONLY();
    constexpr int threads = 4;
    constexpr int connections = 100; // a thread
    Stage stage;
    start_server(stage, threads * connections);
    stage.start("t-threads", [](Self& self) {
        self.step();
        on_threads(threads, [&](int) {
            for (int count = 0; count < connections; ++count) {
                self.visit(local4, small, 0ms);
            }
        });
    });
    check(stage.measure({.window = 2000ms}));
}

TEST_CASE("exact: a forked pair on one connection, both moving bytes")
{
    TRUTH_EXACT_ONLY();
    constexpr std::size_t up = 900'000; // each
    const auto run = [](const std::vector<std::string>& arguments, bool other_namespace) {
        Stage stage;
        const Netns other;
        start_connection(
            stage, other_namespace ? Place{.net = &other} : stage.place(),
            [](Self& self, int fd) { answer_minglers(self, fd, 2'500'000, 2 * up); },
            [](Self& self, int fd) {
                const pid_t child = self.child("t-child", [=](Self& heir) { mingle(heir, heir.adopt(fd), up); });
                mingle(self, fd, up);
                self.join(child);
            });
        return stage.measure({.window = 2500ms, .arguments = arguments});
    };
    SUBCASE("here") { check(run({}, false)); }
    SUBCASE("in another network namespace") { check(run({}, true)); }
    SUBCASE("by connection: a row for each") { check(run({"--by", "connection"}, false)); }
}

TEST_CASE("exact: a socket passed to another process mid-transfer, both moving bytes")
{
    TRUTH_EXACT_ONLY();
    constexpr std::size_t up = 900'000; // each
    Stage stage;
    stage.start("t-peer", [](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.step();
        answer_minglers(self, fd, 2'500'000, 2 * up + 100'000);
    });
    stage.start("t-giver", [](Self& self) {
        const int fd = self.connect(local4);
        self.step();
        self.send(fd, 100'000);
        self.pass_socket("truth-exact-pass", fd);
        mingle(self, fd, up);
    });
    stage.start("t-taker", [](Self& self) {
        self.step();
        mingle(self, self.adopt(self.take_socket("truth-exact-pass")), up);
    });
    check(stage.measure({.window = 2500ms}));
}
