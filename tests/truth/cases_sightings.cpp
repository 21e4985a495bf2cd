// SPDX-License-Identifier: MIT
// One byte is seen in several places on its way: under other addresses, inside a tunnel, at each interface of what
// forwards it. It counts once, at the process that moved it. Each case prints a line of a table: the way, the protocol,
// the namespaces that were asked for, what was moved, and what was counted.
#include "exact.hpp"
#include "nft.hpp"
#include "windows.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

using namespace truth;

namespace {

constexpr std::size_t up = 300'007;
constexpr std::size_t down = 20'011;
constexpr int datagrams = 25; // fewer than a receive buffer holds
constexpr std::size_t question = 900;
constexpr std::size_t answer = 41;

constexpr const char* client_at = "10.81.1.2";
constexpr const char* near_hub = "10.81.1.1";
constexpr const char* far_hub = "10.81.2.1";
constexpr const char* server_at = "10.81.2.2";

enum class Kind : std::uint8_t { tcp, udp };

/// Which namespaces the tool is asked for in a round, and whose processes count then.
struct View {
    std::string name;
    const Netns* only; // null: all
    std::vector<std::string> processes;
};

/// Receives a datagram and sends the sender one.
void reply(Self& self, int fd, std::size_t bytes)
{
    static std::array<char, 65'536> buffer;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    wait_for(fd, POLLIN);
    self.count_rx(
        must(::recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size), "recvfrom"));
    self.count_tx(
        must(::sendto(fd, buffer.data(), bytes, 0, reinterpret_cast<const sockaddr*>(&from), size), "sendto"));
}

/// A connection from before the window, one that is made in it, and where all namespaces are watched one that ends in
/// it, so that its owner is found.
void start_server(Stage& stage, const Place& place, Kind kind, const At& at, std::size_t rounds)
{
    stage.start("t-server", place, [=](Self& self) {
        if (kind == Kind::udp) {
            const int fd = self.udp(at);
            for (std::size_t round = 0; round < rounds; ++round) {
                self.step();
                for (int count = 0; count < 2 * datagrams; ++count) {
                    reply(self, fd, answer);
                }
            }
            self.step();
            return;
        }
        const int listener = self.listen(at);
        const int old = self.accept(listener);
        for (std::size_t round = 0; round < rounds; ++round) {
            self.step();
            self.exchange(old, down, up);
            self.exchange(self.accept(listener), down, up);
            if (round == 0) {
                self.serve(listener, 1, small, Until::owned);
            }
        }
        self.step();
    });
}

/// `from`: the address that its sockets are bound to; empty: none.
void start_client(Stage& stage, const Place& place, Kind kind, const At& to, const std::string& from,
                  std::size_t rounds)
{
    stage.start("t-client", place, [=](Self& self) {
        const std::string address = from.empty() ? "0.0.0.0" : from;
        if (kind == Kind::udp) {
            const int aimed = self.udp({address, 7101});
            self.aim(aimed, to);
            const int open = self.udp({address, 7102});
            for (std::size_t round = 0; round < rounds; ++round) {
                self.step();
                for (int count = 0; count < datagrams; ++count) {
                    self.count_tx(must(::send(aimed, std::string(question, 'q').data(), question, 0), "send"));
                    wait_for(aimed, POLLIN);
                    self.receive_datagram(aimed);
                    self.send_datagram(open, to, question);
                    wait_for(open, POLLIN);
                    self.receive_datagram(open);
                }
            }
            self.step();
            return;
        }
        const int old = self.connect(to, {address, 7101});
        for (std::size_t round = 0; round < rounds; ++round) {
            self.step();
            self.exchange(old, up, down);
            self.exchange(self.connect(to, {address, static_cast<std::uint16_t>(7102 + round)}), up, down);
            if (round == 0) {
                self.visit(to, small, Until::owned);
            }
        }
        self.step();
    });
}

std::string rounded(const Figures& figures) { return std::to_string(figures.rx_bytes + figures.tx_bytes); }

/// Measures each extent, a round each.
void measure(Stage& stage, const std::string& way, Kind kind, const std::vector<View>& views, const Expect& expect = {})
{
    for (const View& view : views) {
        std::vector<std::string> arguments{};
        if (view.only) {
            arguments.insert(arguments.end(), {"--netns", std::to_string(view.only->inode())});
        }
        Measured measured = stage.measure({.arguments = arguments});
        if (view.only) {
            std::erase_if(measured.truth, [&](const auto& process) {
                const auto& names = view.processes;
                return std::find(names.begin(), names.end(), process.second.name) == names.end();
            });
        }
        std::printf("sighting %-12s %-3s %-7s %-7s moved %8s counted %8llu unattributed %llu %s\n", way.c_str(),
                    kind == Kind::tcp ? "tcp" : "udp", backend_name().c_str(), view.name.c_str(),
                    rounded(sum(measured.truth)).c_str(),
                    static_cast<unsigned long long>(measured.report.rx_bytes + measured.report.tx_bytes),
                    static_cast<unsigned long long>(measured.report.unattributed_rx_bytes +
                                                    measured.report.unattributed_tx_bytes),
                    measured.report.complete ? "complete" : "incomplete, with a note");
        std::fflush(stdout);
        INFO(way << ", " << view.name);
        check(measured, expect);
    }
}

/// A client here, a server there, and a router between them, in which the tool runs.
class Routed {
public:
    explicit Routed(const Netns& router)
    {
        join(client, router,
             {.near = "eth", .far = "in", .near4 = client_at, .far4 = near_hub, .near6 = nullptr, .far6 = nullptr});
        join(server, router,
             {.near = "eth", .far = "out", .near4 = server_at, .far4 = far_hub, .near6 = nullptr, .far6 = nullptr});
        set_default_route(client, near_hub);
        forward_packets(router);
    }
    void let_server_answer() const { set_default_route(server, far_hub); }
    std::vector<View> views(const Netns& router) const
    {
        return {{"all", nullptr, {}},
                {"client", &client, {"t-client"}},
                {"router", &router, {}},
                {"server", &server, {"t-server"}}};
    }

    const Netns client;
    const Netns server;
};

struct Dialled {
    At to{server_at, 7000};
    std::string from{};
    Expect expect{};
};

void measure_routed(Stage& stage, const Routed& places, const std::string& way, Kind kind, const Dialled& dialled = {})
{
    const std::vector<View> views = places.views(stage.netns());
    start_server(stage, {.net = &places.server}, kind, {server_at, 7000}, views.size());
    start_client(stage, {.net = &places.client}, kind, dialled.to, dialled.from, views.size());
    measure(stage, way, kind, views, dialled.expect);
}

std::string nat(const std::string& hook, const std::string& rule)
{
    const std::string priority = hook == "postrouting" ? "100" : "-100";
    return "table ip " + hook + " {\n chain rules {\n  type nat hook " + hook + " priority " + priority + ";\n  " +
           rule + "\n }\n}\n";
}

#define SIGHTING_KINDS(kind)                                                                                           \
    Kind kind = Kind::tcp;                                                                                             \
    SUBCASE("tcp") {}                                                                                                  \
    SUBCASE("udp")                                                                                                     \
    {                                                                                                                  \
        kind = Kind::udp;                                                                                              \
        TRUTH_DATAGRAMS();                                                                                             \
    }

#define SIGHTING_NFT()                                                                                                 \
    do {                                                                                                               \
        if (!nft_installed()) {                                                                                        \
            TRUTH_SKIP("nft is not installed");                                                                        \
        }                                                                                                              \
    } while (false)

} // namespace

TEST_CASE("sightings: routed")
{
    SIGHTING_KINDS(kind)
    Stage stage;
    const Routed places(stage.netns());
    places.let_server_answer();
    measure_routed(stage, places, "routed", kind);
}

TEST_CASE("sightings: masqueraded by a router")
{
    SIGHTING_NFT();
    SIGHTING_KINDS(kind)
    Stage stage;
    const Routed places(stage.netns());
    add_rules(stage.netns(), nat("postrouting", "oifname out masquerade"));
    measure_routed(stage, places, "masquerade", kind);
}

TEST_CASE("sightings: a router gives other source addresses and ports")
{
    SIGHTING_NFT();
    SIGHTING_KINDS(kind)
    Stage stage;
    const Routed places(stage.netns());
    add_rules(stage.netns(), nat("postrouting", "oifname out meta l4proto { tcp, udp } snat to " +
                                                    std::string(far_hub) + ":50000-50999"));
    measure_routed(stage, places, "snat", kind);
}

TEST_CASE("sightings: a port of a router is published, and a process of it listens there too")
{
    SIGHTING_NFT();
    SIGHTING_KINDS(kind)
    Stage stage;
    const Routed places(stage.netns());
    places.let_server_answer();
    add_rules(stage.netns(), nat("prerouting", "iifname in meta l4proto { tcp, udp } th dport 7003 dnat to " +
                                                   std::string(server_at) + ":7000"));
    stage.start("t-proxy", [=](Self& self) { // as docker-proxy does; nothing reaches it
        kind == Kind::tcp ? self.listen({"0.0.0.0", 7003}) : self.udp({"0.0.0.0", 7003});
        self.step();
    });
    measure_routed(stage, places, "dnat", kind, {.to = {near_hub, 7003}});
}

TEST_CASE("sightings: a router rewrites both ends")
{
    SIGHTING_NFT();
    SIGHTING_KINDS(kind)
    Stage stage;
    const Routed places(stage.netns());
    add_rules(stage.netns(), nat("prerouting", "iifname in meta l4proto { tcp, udp } th dport 7003 dnat to " +
                                                   std::string(server_at) + ":7000") +
                                 nat("postrouting", "oifname out masquerade"));
    measure_routed(stage, places, "dnat+snat", kind, {.to = {near_hub, 7003}});
}

TEST_CASE("sightings: the sender's own namespace gives another source address")
{
    SIGHTING_NFT();
    SIGHTING_KINDS(kind)
    Stage stage;
    const Routed places(stage.netns());
    places.let_server_answer();
    add_alias(places.client, "eth", "10.81.1.9");
    add_rules(places.client, nat("postrouting", "oifname eth snat to 10.81.1.9"));
    measure_routed(stage, places, "own snat", kind, {.from = client_at});
}

TEST_CASE("sightings: the sender's own namespace gives another destination")
{
    SIGHTING_NFT();
    SIGHTING_KINDS(kind)
    Stage stage;
    const Routed places(stage.netns());
    places.let_server_answer();
    add_rules(places.client, nat("output", "ip daddr 10.99.9.9 dnat to " + std::string(server_at)));
    measure_routed(stage, places, "own dnat", kind, {.to = {"10.99.9.9", 7000}});
}

TEST_CASE("sightings: the receiver's own namespace redirects a port")
{
    SIGHTING_NFT();
    SIGHTING_KINDS(kind)
    Stage stage;
    const Routed places(stage.netns());
    places.let_server_answer();
    add_rules(places.server, nat("prerouting", "meta l4proto { tcp, udp } th dport 7003 redirect to :7000"));
    // Packets of UDP keep nothing of an unconnected socket whose port is rewritten: they are unknown, and count once.
    const bool is_lost = kind == Kind::udp && backend_name() != "ebpf";
    measure_routed(
        stage, places, "redirect", kind,
        {.to = {server_at, 7003},
         .expect = {.may_be_short = is_lost ? std::vector<std::string>{"t-server"} : std::vector<std::string>{}}});
}

TEST_CASE("sightings: both ends in one namespace, which gives another destination")
{
    SIGHTING_NFT();
    SIGHTING_KINDS(kind)
    Stage stage;
    const Netns other;
    join(stage.netns(), other, {.near6 = nullptr, .far6 = nullptr});
    set_default_route(stage.netns(), far4);
    add_rules(stage.netns(), nat("output", "ip daddr 10.99.9.9 dnat to " + std::string(near4)));
    const std::vector<View> views{{"all", nullptr, {}}, {"one", &stage.netns(), {"t-client", "t-server"}}};
    start_server(stage, stage.place(), kind, {near4, 7000}, views.size());
    start_client(stage, stage.place(), kind, {"10.99.9.9", 7000}, {}, views.size());
    measure(stage, "local dnat", kind, views);
}

namespace {

/// Traffic that goes on while windows end.
void start_stream(Stage& stage, const Place& client, const Place& server, const At& to, const At& at)
{
    constexpr int turns = 60;
    constexpr auto pause = 3ms;
    stage.start("t-server", server, [=](Self& self) {
        const int datagrams_in = self.udp(at);
        const int listener = self.listen(at);
        const int old = self.accept(listener);
        self.step();
        const int fresh = self.accept(listener);
        for (int turn = 0; turn < turns; ++turn) {
            self.exchange(old, 500, 20'000);
            self.exchange(fresh, 20'000, 500);
            reply(self, datagrams_in, answer);
        }
    });
    stage.start("t-client", client, [=](Self& self) {
        const int fd = self.udp({"0.0.0.0", 7101});
        self.aim(fd, to);
        const int old = self.connect(to);
        self.step();
        const int fresh = self.connect(to);
        for (int turn = 0; turn < turns; ++turn) {
            self.exchange(old, 20'000, 500);
            self.exchange(fresh, 500, 20'000);
            self.count_tx(must(::send(fd, std::string(question, 'q').data(), question, 0), "send"));
            self.receive_datagram(fd);
            self.sleep(pause);
        }
    });
}

} // namespace

TEST_CASE("sightings: masqueraded by a router, window after window")
{
    SIGHTING_NFT();
    TRUTH_DATAGRAMS();
    Stage stage;
    const Routed places(stage.netns());
    add_rules(stage.netns(), nat("postrouting", "oifname out masquerade"));
    start_stream(stage, {.net = &places.client}, {.net = &places.server}, {server_at, 7000}, {server_at, 7000});
    check(sum_of(stage.measure_series(8, {.pace = 15ms})));
}

TEST_CASE("sightings: another destination in the sender's own namespace, window after window")
{
    SIGHTING_NFT();
    TRUTH_DATAGRAMS();
    Stage stage;
    const Netns other;
    join(stage.netns(), other, {.near6 = nullptr, .far6 = nullptr});
    set_default_route(stage.netns(), far4);
    SUBCASE("of another namespace")
    {
        add_rules(stage.netns(), nat("output", "ip daddr 10.99.9.9 dnat to " + std::string(far4)));
        start_stream(stage, stage.place(), {.net = &other}, {"10.99.9.9", 7000}, {far4, 7000});
        check(sum_of(stage.measure_series(8, {.pace = 15ms})));
    }
    SUBCASE("of the same one")
    {
        add_rules(stage.netns(), nat("output", "ip daddr 10.99.9.9 dnat to " + std::string(near4)));
        start_stream(stage, stage.place(), stage.place(), {"10.99.9.9", 7000}, {near4, 7000});
        check(sum_of(stage.measure_series(8, {.pace = 15ms})));
    }
}

TEST_CASE("sightings: a connection has the ends that its process knows")
{
    SIGHTING_NFT();
    TRUTH_EXACT_OR_PACKETS();
    Stage stage;
    const Netns other;
    join(stage.netns(), other, {.near6 = nullptr, .far6 = nullptr});
    set_default_route(stage.netns(), far4);
    add_rules(stage.netns(), nat("output", "ip daddr 10.99.9.9 dnat to " + std::string(near4)));
    stage.start("t-server", [](Self& self) {
        const int listener = self.listen({near4, 7000});
        self.step();
        self.exchange(self.accept(listener), down, up);
    });
    stage.start("t-client", [](Self& self) {
        self.step();
        self.exchange(self.connect({"10.99.9.9", 7000}), up, down);
    });
    const Measured measured = stage.measure({.arguments = {"--by", "connection", "-o", "+start_time"}});
    check(measured);
    std::size_t clients = 0;
    for (const Row& row : measured.report.rows) {
        const bool is_client = row.process == "t-client" && row.tx_bytes.value_or(0) != 0;
        clients += is_client ? 1 : 0;
        CHECK((!is_client || row.remote_address == "10.99.9.9"));
    }
    CHECK(clients == 1);
}

TEST_CASE("sightings: bridged")
{
    SIGHTING_KINDS(kind)
    Stage stage;
    const Netns client;
    const Netns server;
    make_bridge(stage.netns(), "bridge", "10.81.1.1");
    join(stage.netns(), client,
         {.near = "port1", .far = "eth", .near4 = nullptr, .far4 = client_at, .near6 = nullptr, .far6 = nullptr});
    join(stage.netns(), server,
         {.near = "port2", .far = "eth", .near4 = nullptr, .far4 = "10.81.1.3", .near6 = nullptr, .far6 = nullptr});
    add_port(stage.netns(), "bridge", "port1");
    add_port(stage.netns(), "bridge", "port2");
    const std::vector<View> views{{"all", nullptr, {}},
                                  {"client", &client, {"t-client"}},
                                  {"bridge", &stage.netns(), {}},
                                  {"server", &server, {"t-server"}}};
    start_server(stage, {.net = &server}, kind, {"10.81.1.3", 7000}, views.size());
    start_client(stage, {.net = &client}, kind, {"10.81.1.3", 7000}, {}, views.size());
    measure(stage, "bridged", kind, views);
}

TEST_CASE("sightings: through VXLAN")
{
    SIGHTING_KINDS(kind)
    Stage stage;
    const Netns other;
    join(stage.netns(), other, {.near6 = nullptr, .far6 = nullptr});
    make_vxlan(stage.netns(), "tunnel", near4, far4, "10.82.0.1");
    make_vxlan(other, "tunnel", far4, near4, "10.82.0.2");
    const std::vector<View> views{
        {"all", nullptr, {}}, {"client", &stage.netns(), {"t-client"}}, {"server", &other, {"t-server"}}};
    start_server(stage, {.net = &other}, kind, {"10.82.0.2", 7000}, views.size());
    start_client(stage, stage.place(), kind, {"10.82.0.2", 7000}, {}, views.size());
    measure(stage, "vxlan", kind, views);
}

TEST_CASE("sightings: through a MACVLAN on an interface of another namespace")
{
    SIGHTING_KINDS(kind)
    Stage stage;
    const Netns client;
    const Netns server;
    join(stage.netns(), server,
         {.near = "near", .far = "eth", .near4 = "10.81.1.1", .far4 = "10.81.1.3", .near6 = nullptr, .far6 = nullptr});
    make_macvlan(stage.netns(), "near", client, "mac", client_at);
    const std::vector<View> views{{"all", nullptr, {}},
                                  {"client", &client, {"t-client"}},
                                  {"lower", &stage.netns(), {}},
                                  {"server", &server, {"t-server"}}};
    start_server(stage, {.net = &server}, kind, {"10.81.1.3", 7000}, views.size());
    start_client(stage, {.net = &client}, kind, {"10.81.1.3", 7000}, {}, views.size());
    measure(stage, "macvlan", kind, views);
}

TEST_CASE("sightings: from one address of an interface to another")
{
    SIGHTING_KINDS(kind)
    Stage stage;
    const Netns other;
    join(stage.netns(), other, {.near6 = nullptr, .far6 = nullptr});
    add_alias(stage.netns(), "near", "10.77.0.9");
    const std::vector<View> views{{"all", nullptr, {}}, {"one", &stage.netns(), {"t-client", "t-server"}}};
    start_server(stage, stage.place(), kind, {near4, 7000}, views.size());
    start_client(stage, stage.place(), kind, {near4, 7000}, "10.77.0.9", views.size());
    measure(stage, "alias here", kind, views);
}

TEST_CASE("sightings: from the second address of an interface")
{
    SIGHTING_KINDS(kind)
    Stage stage;
    const Netns other;
    join(stage.netns(), other, {.near6 = nullptr, .far6 = nullptr});
    add_alias(stage.netns(), "near", "10.77.0.9");
    const std::vector<View> views{{"all", nullptr, {}}, {"one", &stage.netns(), {"t-client"}}};
    start_server(stage, {.net = &other}, kind, {far4, 7000}, views.size());
    start_client(stage, stage.place(), kind, {far4, 7000}, "10.77.0.9", views.size());
    measure(stage, "alias", kind, views);
}

TEST_CASE("sightings: relayed by a process, as docker-proxy does")
{
    SIGHTING_KINDS(kind)
    Stage stage;
    const Routed places(stage.netns());
    std::vector<View> views = places.views(stage.netns());
    views[2].processes = {"t-relay"};
    const std::size_t rounds = views.size();
    start_server(stage, {.net = &places.server}, kind, {server_at, 7000}, rounds);
    stage.start("t-relay", [=](Self& self) {
        if (kind == Kind::udp) {
            const int in = self.udp({"0.0.0.0", 7003});
            const int out = self.udp({"0.0.0.0", 7004});
            self.aim(out, {server_at, 7000});
            for (std::size_t round = 0; round < rounds; ++round) {
                self.step();
                for (int count = 0; count < 2 * datagrams; ++count) {
                    std::array<char, question> buffer{};
                    sockaddr_storage from{};
                    socklen_t size = sizeof from;
                    wait_for(in, POLLIN);
                    self.count_rx(
                        must(::recvfrom(in, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size),
                             "recvfrom"));
                    self.count_tx(must(::send(out, buffer.data(), question, 0), "send"));
                    wait_for(out, POLLIN);
                    self.receive_datagram(out);
                    self.count_tx(
                        must(::sendto(in, buffer.data(), answer, 0, reinterpret_cast<const sockaddr*>(&from), size),
                             "sendto"));
                }
            }
            self.step();
            return;
        }
        struct Pair {
            int in;
            int out;
        };
        const int listener = self.listen({"0.0.0.0", 7003});
        const auto accept = [&] {
            const int in = self.accept(listener);
            return Pair{in, self.connect({server_at, 7000})};
        };
        const auto relay = [&](const Pair& pair) {
            self.receive(pair.in, up);
            self.send(pair.out, up);
            self.receive(pair.out, down);
            self.send(pair.in, down);
        };
        const Pair old = accept();
        for (std::size_t round = 0; round < rounds; ++round) {
            self.step();
            relay(old);
            relay(accept());
            if (round == 0) {
                const int in = self.accept(listener);
                self.wait_until_owned(in);
                self.receive(in, small.request);
                const int out = self.connect({server_at, 7000});
                self.wait_until_owned(out);
                self.send(out, small.request);
                self.receive(out, small.reply);
                self.send(in, small.reply);
                self.receive_to_end(in);
                self.close(in);
                self.close(out);
            }
        }
        self.step();
    });
    start_client(stage, {.net = &places.client}, kind, {near_hub, 7003}, {}, rounds);
    measure(stage, "relay", kind, views);
}

namespace {

constexpr std::size_t longest_packet = 2000;

/// Carries packets of a tun device in datagrams, until a message in the mailbox ends the round.
void carry(Self& self, const Fd& tun, int outside, bool ends_round)
{
    const int mailbox = self.mailbox("end-of-round");
    std::array<char, longest_packet> buffer;
    for (bool is_over = false; !is_over;) {
        std::array<pollfd, 3> waits{{{tun.get(), POLLIN, 0}, {outside, POLLIN, 0}, {mailbox, POLLIN, 0}}};
        if (must(::poll(waits.data(), waits.size(), 60'000), "poll") == 0)
            throw std::runtime_error("nothing to carry");
        if (waits[0].revents != 0) {
            const ssize_t size = must(::read(tun.get(), buffer.data(), buffer.size()), "read from tun");
            self.count_tx(must(::send(outside, buffer.data(), static_cast<std::size_t>(size), 0), "send"));
        }
        if (waits[1].revents != 0) {
            const ssize_t size = self.count_rx(must(::recv(outside, buffer.data(), buffer.size(), 0), "recv"));
            if (size == 1) { // the other end has sent all
                is_over = true;
                if (!ends_round)
                    self.count_tx(must(::send(outside, buffer.data(), 1, 0), "send"));
            } else {
                must(::write(tun.get(), buffer.data(), static_cast<std::size_t>(size)), "write to tun");
            }
        } else if (waits[2].revents != 0) {
            self.close(self.take_socket(mailbox));
            self.count_tx(must(::send(outside, buffer.data(), 1, 0), "send"));
        }
    }
    self.close(mailbox);
}

void start_vpn(Stage& stage, const std::string& name, const Place& place, const At& near, const At& far,
               const char* inside, std::size_t rounds, bool ends_round)
{
    stage.start(name, place, [=](Self& self) {
        const Fd tun = make_tun("tun", inside);
        const int outside = self.udp(near);
        self.aim(outside, far);
        set_option(outside, SOL_SOCKET, SO_RCVBUFFORCE, int{8 << 20}); // TCP inside sends more at once than usual
        self.call("tun is up");
        for (std::size_t round = 0; round < rounds; ++round) {
            self.step();
            carry(self, tun, outside, ends_round);
        }
        self.step();
    });
}

} // namespace

TEST_CASE("sightings: through a tun device and a VPN in user space")
{
    TRUTH_DATAGRAMS();
    if (::access("/dev/net/tun", R_OK | W_OK) != 0) {
        TRUTH_SKIP("there are no tun devices here");
    }
    Kind kind = Kind::udp;
    SUBCASE("tcp") { kind = Kind::tcp; }
    SUBCASE("udp") {}
    Stage stage;
    const Netns other;
    disable_v6(stage.netns());
    disable_v6(other);
    join(stage.netns(), other, {.near6 = nullptr, .far6 = nullptr});
    const std::vector<View> views{{"all", nullptr, {}},
                                  {"client", &stage.netns(), {"t-client", "t-vpn-near"}},
                                  {"server", &other, {"t-server", "t-vpn-far"}}};
    const std::size_t rounds = views.size();
    start_vpn(stage, "t-vpn-near", stage.place(), {near4, 7201}, {far4, 7202}, "10.82.0.1", rounds, true);
    start_vpn(stage, "t-vpn-far", {.net = &other}, {far4, 7202}, {near4, 7201}, "10.82.0.2", rounds, false);
    stage.start("t-server", {.net = &other}, [=](Self& self) {
        self.await_call("tun is up");
        const int listener = kind == Kind::tcp ? self.listen({"10.82.0.2", 7000}) : self.udp({"10.82.0.2", 7000});
        for (std::size_t round = 0; round < rounds; ++round) {
            self.step();
            if (kind == Kind::tcp) {
                const int fd = self.accept(listener);
                self.receive(fd, up);
                self.send(fd, down);
            }
            for (int count = 0; kind == Kind::udp && count < datagrams; ++count) {
                reply(self, listener, answer);
            }
        }
        self.step();
    });
    stage.start("t-client", [=](Self& self) {
        self.await_call("tun is up");
        const int fd = self.udp({"10.82.0.1", 7101});
        for (std::size_t round = 0; round < rounds; ++round) {
            self.step();
            if (kind == Kind::tcp) {
                const int connection = self.connect({"10.82.0.2", 7000});
                self.send(connection, up);
                self.receive(connection, down);
            }
            for (int count = 0; kind == Kind::udp && count < datagrams; ++count) {
                self.send_datagram(fd, {"10.82.0.2", 7000}, question);
                wait_for(fd, POLLIN);
                self.receive_datagram(fd);
            }
            self.call("end-of-round");
        }
        self.step();
    });
    measure(stage, "tun", kind, views);
}
