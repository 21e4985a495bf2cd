// SPDX-License-Identifier: MIT
// Bytes that never pass through the process's memory: sendfile, splice.
#include "exact.hpp"
#include "splice.hpp"

#include <vector>

using namespace truth;

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
    const auto run = [](const Talk& read) { // 40,000 bytes and the end of file wait: no window is smaller
        Stage stage;
        start_connection(
            stage,
            [=](Self& self, int fd) {
                wait_for(fd, POLLRDHUP);
                read(self, fd);
                splice_to_end(self, fd);
            },
            [](Self& self, int fd) {
                self.send(fd, 40'000);
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
        check(run([](Self& self, int fd) { self.receive(fd, 39'999); }));
    }
    SUBCASE("nothing but the end")
    {
        check(run([](Self& self, int fd) { self.receive(fd, 40'000); }));
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
