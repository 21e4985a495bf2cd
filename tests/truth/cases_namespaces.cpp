// SPDX-License-Identifier: MIT
// Network namespaces: none is mixed up with another, whatever keeps it alive.
#include "exact.hpp"
#include "windows.hpp"

#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

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

struct Visit {
    bool has_descriptor = true; // of the namespace, as long as it moves bytes
    bool has_datagrams = counts_datagrams();
    bool comes_late = false; // after the step
};

/// A process that moves bytes over sockets of a namespace in which it does not live.
void start_visitor(Stage& stage, const Visit& visit)
{
    stage.start("t-visitor", [=](Self& self) {
        if (visit.comes_late)
            self.step();
        std::optional<Netns> other(std::in_place);
        int server = -1;
        int client = -1;
        int datagrams = -1;
        {
            const Inside inside(*other);
            const int listener = self.listen(local4);
            client = self.connect(local4);
            server = self.accept(listener);
            self.close(listener);
            datagrams = visit.has_datagrams ? self.udp(local4) : -1;
        }
        if (!visit.has_descriptor)
            other.reset();
        if (!visit.comes_late)
            self.step();
        self.send(client, 54'321);
        self.receive(server, 54'321);
        if (visit.has_datagrams) {
            self.send_datagram(datagrams, local4, 700);
            self.receive_datagram(datagrams);
        }
    });
}

void check_visitor(Visit visit)
{
    Stage stage;
    SUBCASE("in a window")
    {
        start_visitor(stage, visit);
        check(stage.measure());
    }
    SUBCASE("in the windows of a series")
    {
        start_visitor(stage, visit);
        check(sum_of(stage.measure_series(3, {})));
    }
    SUBCASE("since they were opened")
    {
        visit.has_datagrams = false;
        start_visitor(stage, visit);
        stage.advance();
        if (backend_name() != "packet") // which sees packets as they come
            check(stage.totals());
    }
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

TEST_CASE("namespaces: a machine's own addresses are those of the socket's namespace")
{
    Stage stage;
    const Netns far;
    join(stage.netns(), far);
    const auto connect = [&](const std::string& name, const Place& from, const At& to) {
        stage.start(name + "-srv", {.net = &far}, [=](Self& self) {
            const int fd = self.accept(self.listen(to));
            self.step();
            self.exchange(fd, 70'001, 9'001);
        });
        stage.start(name + "-cli", from, [=](Self& self) {
            const int fd = self.connect(to);
            self.step();
            self.exchange(fd, 9'001, 70'001);
        });
    };
    connect("t-within", {.net = &far}, {far4, 7001});
    connect("t-across", stage.place(), {far4, 7002});
    std::vector<std::string> arguments;
    std::string wanted = "t-across";
    SUBCASE("own")
    {
        arguments = {"--remote", "own"};
        wanted = "t-within";
    }
    SUBCASE("not own") { arguments = {"--exclude", "remote=own"}; }
    SUBCASE("--no-loopback") { arguments = {"--no-loopback"}; }
    for (const std::uint64_t number : {stage.netns().inode(), far.inode()}) {
        arguments.insert(arguments.end(), {"--netns", std::to_string(number)});
    }
    Measured measured = stage.measure({.arguments = arguments});
    std::erase_if(measured.truth, [&](const auto& process) { return !process.second.name.starts_with(wanted); });
    check(measured);
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

TEST_CASE("namespaces: sockets of one in which no process lives" * doctest::test_suite("alone"))
{
    SUBCASE("but a descriptor leads there") { check_visitor({}); }
    SUBCASE("and nothing but the sockets keeps it") { check_visitor({.has_descriptor = false}); }
}

TEST_CASE("namespaces: sockets, of one that is made in the window, that nothing else keeps")
{
    Stage stage;
    start_visitor(stage, {.has_descriptor = false, .comes_late = true});
    const Measured measured = stage.measure();
    // A tool that looks for namespaces in the moment in which the visitor is inside finds this one like any other, and
    // knows what moved in it, but perhaps not what its first datagrams were.
    if (bar_of(backend_name()).knows_caller || measured.report.complete) {
        check(measured);
        return;
    }
    INFO(describe(measured.report));
    const bool is_said = measured.report.has_note("sockets-unlisted") || measured.report.has_note("packets-unread");
    CHECK(is_said);
}

TEST_CASE("namespaces: one that is deleted is gone while two instances sample" * doctest::test_suite("alone"))
{
    constexpr const char* windows = "9";
    Stage stage;
    std::optional<Netns> other(std::in_place);
    join(stage.netns(), *other); // these interfaces go when the other namespace does
    const std::vector<std::string> arguments{"--count", windows};
    Tool one(stage.place(), until_told, arguments);
    Tool two(stage.place(), until_told, arguments);
    const auto end_windows = [&](int number) {
        for (Tool* tool : {&one, &two})
            tool->end_window();
        for (Tool* tool : {&one, &two})
            tool->wait_for_windows(number);
    };
    one.wait_until_sampling();
    two.wait_until_sampling();
    end_windows(1);
    other.reset();
    // It is missed when the next window begins, and given up when the one after that does.
    end_windows(2);
    end_windows(3);
    end_windows(4);
    const Inside inside(stage.netns());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (::if_nametoindex(Link().near) != 0 && std::chrono::steady_clock::now() < deadline)
        ::usleep(10'000);
    CHECK(::if_nametoindex(Link().near) == 0);
}

TEST_CASE("namespaces: one that is made in the window, and the start of its first connection")
{
    Stage stage;
    stage.start("t-founder", [](Self& self) {
        self.step();
        const Netns made;
        const Inside inside(made);
        const int listener = self.listen(local4);
        const int client = self.connect(local4);
        const int server = self.accept(listener);
        self.send(client, 300'000);
        self.receive(server, 300'000);
        self.step(); // both stay open
    });
    SUBCASE("in one window") { check(stage.measure()); }
    SUBCASE("in several") { check(sum_of(stage.measure_series(3, {.pace = 300ms}))); }
}

TEST_CASE(
    "namespaces: one that is made in the window, whose connection is closed at once: counted, or said to be missing")
{
    Stage stage;
    stage.start("t-founder", [](Self& self) {
        self.step();
        const Netns made;
        const Inside inside(made);
        const int listener = self.listen(local4);
        const int client = self.connect(local4);
        const int server = self.accept(listener);
        self.send(client, 300'000);
        self.receive(server, 300'000);
        self.close(client);
        self.close(server);
        self.step();
    });
    const Measured measured = stage.measure();
    check(measured, {.share = 0, .complete = false});
}

TEST_CASE("namespaces: one that is made in the window, and datagrams in it")
{
    TRUTH_DATAGRAMS();
    Stage stage;
    stage.start("t-founder", [](Self& self) {
        self.step();
        const Netns made;
        const Inside inside(made);
        const int from = self.udp({"127.0.0.1", 7001});
        const int to = self.udp({"127.0.0.1", 7002});
        self.send_datagram(from, {"127.0.0.1", 7002}, 1000);
        self.receive_datagram(to);
        self.step();
    });
    check(stage.measure(), {.share = 0, .complete = false});
}
