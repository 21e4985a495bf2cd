// SPDX-License-Identifier: MIT
// Network namespaces: none is mixed up with another, whatever keeps it alive.
#include "stage.hpp"

#include <algorithm>

using namespace truth;

namespace {

/// A server and a client on addresses and ports that other pairs have too, in a namespace of their own.
void start_pair(Stage& stage, const std::string& name, const Place& place, std::size_t up, std::size_t down)
{
    stage.start(name + "-srv", place, [=](Self& self) {
        const int fd = self.accept(self.listen(local4));
        self.exchange(fd, 11'111, 22'222);
        self.step();
        self.exchange(fd, down, up);
    });
    stage.start(name + "-cli", place, [=](Self& self) {
        const int fd = self.connect(local4, {"127.0.0.1", 7001});
        self.exchange(fd, 22'222, 11'111);
        self.step();
        self.exchange(fd, up, down);
    });
}

} // namespace

TEST_CASE("namespaces: the same addresses and ports in three of them at once" * doctest::test_suite("alone"))
{
    Stage stage;
    const Netns second; // lives by a descriptor of the test's, and by the workers inside
    const Netns third;
    start_pair(stage, "t-one", stage.place(), 1'000'003, 10'007);
    start_pair(stage, "t-two", {.net = &second}, 20'011, 2'000'003);
    start_pair(stage, "t-three", {.net = &third}, 300'007, 30'011);

    SUBCASE("in a window") { check(stage.measure()); }
    SUBCASE("by connection") { check(stage.measure({.arguments = {"--by", "connection", "-o", "+start_time"}})); }
    SUBCASE("since they were opened")
    {
        if (backend_name() == "packet")
            TRUTH_SKIP("it sees packets as they come");
        stage.advance();
        check(stage.totals());
    }
}

TEST_CASE("namespaces: only those that --netns names, of several with the same addresses and ports")
{
    Stage stage;
    const Netns second;
    const Netns third;
    start_pair(stage, "t-one", stage.place(), 1'000'003, 10'007);
    start_pair(stage, "t-two", {.net = &second}, 20'011, 2'000'003);
    start_pair(stage, "t-three", {.net = &third}, 300'007, 30'011);
    const pid_t inside = stage.start("t-idle", {.net = &second}, [](Self& self) { self.step(); }).pid();
    std::vector<std::string> arguments;
    std::vector<std::string> wanted{"t-two"};
    SUBCASE("by number") { arguments = {"--netns", std::to_string(second.inode())}; }
    SUBCASE("by a process that is in it") { arguments = {"--netns", std::to_string(inside)}; }
    SUBCASE("the current one")
    {
        arguments = {"--netns", "current"};
        wanted = {"t-one"};
    }
    SUBCASE("two of them")
    {
        arguments = {"--netns", std::to_string(second.inode()), "--netns", std::to_string(third.inode())};
        wanted.emplace_back("t-three");
    }
    Measured measured = stage.measure({.arguments = arguments});
    std::erase_if(measured.truth, [&](const auto& process) {
        return std::none_of(wanted.begin(), wanted.end(),
                            [&](const std::string& name) { return process.second.name.starts_with(name + "-"); });
    });
    CHECK(measured.truth.size() == 2 * wanted.size());
    check(measured);
}

TEST_CASE("namespaces: datagrams between the same addresses and ports in two of them at once")
{
    if (!counts_datagrams())
        TRUTH_SKIP("it counts no datagrams");
    Stage stage;
    const Netns second;
    constexpr int datagrams = 50;
    const auto start = [&](const std::string& name, const Place& place, std::size_t size) {
        stage.start(name + "-from", place, [=](Self& self) {
            const int fd = self.udp({"127.0.0.1", 7001});
            self.step();
            for (int count = 0; count < datagrams; ++count)
                self.send_datagram(fd, {"127.0.0.1", 7002}, size);
            self.receive_datagram(fd);
        });
        stage.start(name + "-to", place, [=](Self& self) {
            const int fd = self.udp({"127.0.0.1", 7002});
            self.step();
            for (int count = 0; count < datagrams; ++count)
                self.receive_datagram(fd);
            self.send_datagram(fd, {"127.0.0.1", 7001}, 3 * size);
        });
    };
    start("t-one", stage.place(), 17);
    start("t-two", {.net = &second}, 1'300);
    SUBCASE("by process") { check(stage.measure()); }
    SUBCASE("by connection") { check(stage.measure({.arguments = {"--by", "connection", "-o", "+start_time"}})); }
}

TEST_CASE("namespaces: connections that come and go in another one")
{
    Stage stage;
    const Netns other;
    constexpr std::size_t visits = 20;
    stage.start("t-server", {.net = &other}, [=](Self& self) {
        const int listener = self.listen(local4);
        self.step();
        self.serve(listener, visits, {2'000, 30'000}, Until::owned);
    });
    stage.start("t-client", {.net = &other}, [=](Self& self) {
        self.step();
        for (std::size_t i = 0; i < visits; ++i)
            self.visit(local4, {2'000, 30'000}, Until::owned);
    });
    check(stage.measure());
}

TEST_CASE("namespaces: sockets of one in which no process lives")
{
    Stage stage;
    stage.start("t-visitor", [](Self& self) {
        const Netns empty; // lives by this descriptor
        int server = -1;
        int client = -1;
        {
            const Inside inside(empty);
            const int listener = self.listen(local4);
            client = self.connect(local4);
            server = self.accept(listener);
        }
        self.step();
        self.send(client, 54'321);
        self.receive(server, 54'321);
    });
    check(stage.measure());
}
