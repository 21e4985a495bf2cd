// SPDX-License-Identifier: MIT
// Threads of one process: their bytes are the process's, on one socket or on many.
#include "exact.hpp"
#include "mingle.hpp"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

using namespace truth;

namespace {

thread_local std::array<char, 65'536> buffer;

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

} // namespace

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
    check(stage.measure());
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
        return stage.measure();
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
        return stage.measure();
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
                self.visit(local4, small);
            }
        });
    });
    check(stage.measure());
}
