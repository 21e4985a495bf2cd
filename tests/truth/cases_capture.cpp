// SPDX-License-Identifier: MIT
// What a capture sees twice and counts once, and what it has no room for.
#include "packets.hpp"

#include <signal.h>

#include <string>

using namespace truth;

namespace {

constexpr int datagrams = 30; // no more than a receive buffer holds
constexpr std::size_t question = 900;
constexpr std::size_t answer = 41;

/// The number that a note's text begins with: "12 packets found …".
std::uint64_t number_before(const std::string& text, const std::string& words)
{
    const std::size_t end = text.find(words);
    REQUIRE(end != std::string::npos);
    return std::stoull(text.substr(text.rfind('"', end) + 1));
}

constexpr const char* hub = "10.78.0.254";
constexpr const char* outer_hub = "10.79.0.254";

/// Three namespaces at the ports of a bridge in a fourth, and one more behind that one's routes.
class Bridged {
public:
    explicit Bridged(const Netns& middle)
    {
        make_bridge(middle, "bridge", hub);
        attach(middle, one, {.near = "port1", .far = "eth", .near4 = nullptr, .far4 = "10.78.0.1"});
        attach(middle, two, {.near = "port2", .far = "eth", .near4 = nullptr, .far4 = "10.78.0.2"});
        attach(middle, three, {.near = "port3", .far = "eth", .near4 = nullptr, .far4 = "10.78.0.3"});
        join(middle, outer, {.near = "way", .far = "eth", .near4 = outer_hub, .far4 = "10.79.0.1"});
        set_default_route(outer, outer_hub);
        forward_packets(middle);
    }

    const Netns one;
    const Netns two;
    const Netns three;
    const Netns outer;

private:
    static void attach(const Netns& middle, const Netns& leaf, Link link)
    {
        link.near6 = nullptr;
        link.far6 = nullptr;
        join(middle, leaf, link);
        add_port(middle, "bridge", link.near);
        set_default_route(leaf, hub);
    }
};

struct Side {
    std::string name;
    Place place;
    At at;
};

/// `asks` sends a datagram for each that `answers` sends back.
void start_talk(Stage& stage, const Side& asks, const Side& answers)
{
    stage.start(asks.name, asks.place, [=](Self& self) {
        const int fd = self.udp(asks.at);
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            self.send_datagram(fd, answers.at, question);
            self.receive_datagram(fd);
        }
    });
    stage.start(answers.name, answers.place, [=](Self& self) {
        const int fd = self.udp(answers.at);
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            self.receive_datagram(fd);
            self.send_datagram(fd, asks.at, answer);
        }
    });
}

void start_stream(Stage& stage, const Side& asks, const Side& answers)
{
    stage.start(answers.name, answers.place, [=](Self& self) {
        const int fd = self.accept(self.listen(answers.at));
        self.step();
        self.exchange(fd, 1'000'003, 200'017);
    });
    stage.start(asks.name, asks.place, [=](Self& self) {
        const int fd = self.connect(answers.at);
        self.step();
        self.exchange(fd, 200'017, 1'000'003);
    });
}

} // namespace

TEST_CASE("packet: a bridge of three namespaces, and a route through it: each packet once in each")
{
    TRUTH_EXACT_OR_PACKETS();
    Stage stage;
    const Bridged places(stage.netns());
    const Place one{.net = &places.one};
    const Place two{.net = &places.two};
    const Place three{.net = &places.three};
    const Place outer{.net = &places.outer};
    const Side asks_bridge{"t-ask-port", one, {"10.78.0.1", 7001}};
    const Side asks_hub{"t-ask-hub", three, {"10.78.0.3", 7001}};
    const Side asks_outer{"t-ask-out", two, {"10.78.0.2", 7001}};
    start_talk(stage, asks_bridge, {"t-port", two, {"10.78.0.2", 7002}});
    start_talk(stage, asks_hub, {"t-hub", stage.place(), {hub, 7002}});
    start_talk(stage, asks_outer, {"t-out", outer, {"10.79.0.1", 7004}});
    stage.start("t-deaf", [](Self& self) { // would take what goes to t-out, if that were for this machine
        self.udp({"0.0.0.0", 7004});
        self.step();
    });
    start_stream(stage, {"t-get-port", three, {}}, {"t-srv-port", one, {"10.78.0.1", 7003}});
    start_stream(stage, {"t-get-hub", two, {}}, {"t-srv-hub", stage.place(), {hub, 7003}});
    start_stream(stage, {"t-get-out", one, {}}, {"t-srv-out", outer, {"10.79.0.1", 7003}});

    const Measured measured = stage.measure({.arguments = packet_columns});
    check(measured);
    for (const char* name : {"t-ask-port", "t-ask-hub", "t-ask-out"}) {
        check_row(row_of(measured, name), counts(datagrams, answer), counts(datagrams, question));
    }
    for (const char* name : {"t-port", "t-hub", "t-out"}) {
        check_row(row_of(measured, name), counts(datagrams, question), counts(datagrams, answer));
    }
}

TEST_CASE("packet: VLANs, one in another and one at a bridge: each packet once")
{
    TRUTH_EXACT_OR_PACKETS();
    Stage stage;
    const Netns far;
    disable_v6(stage.netns());
    disable_v6(far);
    join(stage.netns(), far, {.near6 = nullptr, .far6 = nullptr});
    try {
        make_vlan(stage.netns(), "near", "outer", 5, "10.83.0.1");
    } catch (const std::exception&) {
        TRUTH_SKIP("this kernel has no VLANs");
    }
    make_vlan(far, "far", "outer", 5, "10.83.0.2");
    make_vlan(stage.netns(), "outer", "inner", 7, "10.84.0.1");
    make_vlan(far, "outer", "inner", 7, "10.84.0.2");
    make_bridge(stage.netns(), "bridge", "10.85.0.1");
    make_vlan(stage.netns(), "near", "port", 6, nullptr);
    add_port(stage.netns(), "bridge", "port");
    make_vlan(far, "far", "port", 6, "10.85.0.2");
    const Place there{.net = &far};
    const std::vector<std::pair<std::string, std::string>> ways{
        {"plain", "10.77.0."}, {"outer", "10.83.0."}, {"inner", "10.84.0."}, {"bridge", "10.85.0."}};
    for (const auto& [way, prefix] : ways) {
        start_talk(stage, {"t-ask-" + way, there, {prefix + "2", 7001}},
                   {"t-" + way, stage.place(), {prefix + "1", 7002}});
        start_stream(stage, {"t-get-" + way, there, {}}, {"t-srv-" + way, stage.place(), {prefix + "1", 7003}});
    }
    stage.start("t-bound", [](Self& self) {
        const int fd = must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
        must(::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "outer", 5), "bind to device");
        const SocketAddress any = resolve({"0.0.0.0", 7004});
        must(::bind(fd, any.get(), any.size), "bind");
        self.adopt(fd);
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            self.receive_datagram(fd);
        }
    });
    stage.start("t-to-bound", there, [](Self& self) {
        const int fd = self.udp({"10.83.0.2", 7004});
        self.step();
        for (int count = 0; count < datagrams; ++count) {
            self.send_datagram(fd, {"10.83.0.1", 7004}, answer);
        }
    });

    const Measured measured = stage.measure({.arguments = packet_columns});
    check(measured);
    for (const auto& [way, prefix] : ways) {
        check_row(row_of(measured, "t-ask-" + way), counts(datagrams, answer), counts(datagrams, question));
        check_row(row_of(measured, "t-" + way), counts(datagrams, question), counts(datagrams, answer));
    }
}

TEST_CASE("packet: what found the capture buffer full is counted and told")
{
    if (backend_name() != "packet" && (backend_name() != "netlink" || !counts_datagrams())) {
        TRUTH_SKIP("it captures no packets");
    }
    constexpr std::uint64_t sent = 30'000;
    constexpr std::size_t size = 18;
    Stage stage;
    stage.start("t-flood", [](Self& self) {
        const int fd = self.udp({"127.0.0.1", 7001});
        self.step();
        for (std::uint64_t count = 0; count < sent; ++count) {
            self.send_datagram(fd, local4, size); // to nobody
        }
    });
    std::vector<std::string> arguments = packet_columns;
    arguments.insert(arguments.end(), {"--capture-buffer", "512K"});
    Tool tool(stage.place(), until_told, arguments);
    tool.wait_until_sampling();
    tool.signal(SIGSTOP);
    stage.advance();
    tool.signal(SIGCONT);
    tool.end_window();
    const Report report = expect_success(tool.finish());

    INFO(describe(report));
    CHECK_FALSE(report.complete);
    CHECK(report.has_note("packets-dropped"));
    const std::uint64_t missing = number_before(report.text, " packets did not fit into the capture buffer");
    CHECK(missing > 0U);
    CHECK(missing < sent);
    const Row flood = row_of({report, {}}, "t-flood");
    check_row(flood, {0, 0}, counts(sent - missing, size));
    CHECK(flood.tx_bytes == (sent - missing) * size);
}
