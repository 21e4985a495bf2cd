// SPDX-License-Identifier: MIT
// The table of netlink's TCP and UDP sockets. A case is a list of steps, and what the table tells afterwards.
#include "traffic/netlink/socket_table.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr SocketTable::Age recent{1000}; // the first dump was a second ago

/// A client's established connection that has read `rx` and written `tx` bytes, all acknowledged, in as many segments.
Socket connection(std::uint64_t cookie, std::uint64_t rx, std::uint64_t tx)
{
    Socket socket;
    socket.tuple = {Protocol::tcp, endpoint("10.0.0.1", 40000), endpoint("10.0.0.2", 443)};
    socket.cookie = Cookie{cookie};
    socket.inode = Inode{cookie + 1000};
    socket.uid = Uid{1000};
    socket.state = TcpState::established;
    TcpCounters counters;
    counters.bytes_acked = tx + 1;
    counters.bytes_received = rx;
    counters.segs_in = static_cast<std::uint32_t>(rx + 2);
    counters.segs_out = static_cast<std::uint32_t>(tx + 2);
    counters.data_segs_in = static_cast<std::uint32_t>(rx);
    counters.sent = TcpCounters::Sent{tx, 0};
    socket.tcp = counters;
    return socket;
}

Socket listener(std::uint16_t port)
{
    Socket socket = connection(port, 0, 0);
    socket.tuple.local.port = port;
    socket.tuple.remote = {};
    socket.state = TcpState::listen;
    return socket;
}

/// The server's end: the kernel counts no SYN of its own there.
Socket accepted(std::uint64_t cookie, std::uint64_t rx, std::uint64_t tx)
{
    Socket socket = connection(cookie, rx, tx);
    socket.tuple.local.port = 80;
    socket.tcp->bytes_acked = tx;
    return socket;
}

Socket without_counters(Socket socket)
{
    socket.tcp.reset();
    return socket;
}

Socket without_inode(Socket socket)
{
    socket.inode = {};
    return socket;
}

Socket idle_for(std::uint32_t idle_ms, Socket socket)
{
    socket.tcp->idle_ms = idle_ms;
    return socket;
}

Socket in_state(TcpState state, Socket socket)
{
    socket.state = state;
    return socket;
}

Socket orphan(std::uint64_t rx, std::uint64_t tx, TcpState state = TcpState::fin_wait1)
{
    return in_state(state, without_inode(connection(1, rx, tx)));
}

Socket time_wait(std::uint64_t cookie)
{
    return in_state(TcpState::time_wait, without_inode(without_counters(connection(cookie, 0, 0))));
}

Socket to_elsewhere(Socket socket)
{
    socket.tuple.remote = endpoint("10.0.0.3", 8443);
    return socket;
}

Socket in_cgroup(std::uint64_t cgroup, Socket socket)
{
    socket.cgroup_id = cgroup;
    return socket;
}

Socket unread(std::uint32_t bytes, Socket socket)
{
    socket.rqueue = bytes;
    return socket;
}

/// tcp_disconnect() leaves sequence numbers that look like a queue.
Socket disconnected(std::uint64_t cookie)
{
    Socket socket = connection(cookie, 0, 0);
    socket.tuple.remote = {};
    socket.tcp = TcpCounters();
    socket.wqueue = 3000;
    return socket;
}

Socket never_connected(std::uint64_t cookie)
{
    Socket socket = connection(cookie, 0, 0);
    socket.tcp = TcpCounters();
    return socket;
}

using Sockets = std::vector<Socket>;
using Step = std::function<void(SocketTable&)>;

/// The first dump of a window.
Step first(const Sockets& sockets)
{
    return [=](SocketTable& table) {
        table.begin_dump();
        for (const Socket& socket : sockets) {
            table.at_start(socket);
        }
    };
}

/// The last dump.
Step last(const Sockets& sockets)
{
    return [=](SocketTable& table) {
        table.begin_dump();
        for (const Socket& socket : sockets) {
            table.at_end(socket, recent);
        }
    };
}

/// A list in between, which has no counters.
Step listed(const Sockets& sockets)
{
    return [=](SocketTable& table) {
        for (const Socket& socket : sockets) {
            table.during(socket.state == TcpState::listen ? socket : without_counters(socket));
        }
    };
}

/// Destroy events have neither inode nor user.
Step ended(const Sockets& sockets, SocketTable::Phase phase = SocketTable::Phase::open)
{
    return [=](SocketTable& table) {
        for (Socket socket : sockets) {
            socket = in_state(TcpState::close, without_inode(socket));
            socket.uid = {};
            table.destroyed(socket, phase, recent);
        }
    };
}

Step forgotten(std::uint64_t cookie)
{
    return [=](SocketTable& table) { table.forget(Cookie{cookie}); };
}

constexpr auto complete = SocketTable::Events::complete;
constexpr auto lost = SocketTable::Events::lost;

std::string text_of(const Flow& flow)
{
    std::string text = fmt::format("{}: {}/{}", flow.cookie.value, flow.rx_bytes.value(), flow.tx_bytes.value());
    text += flow.state == SocketState::closed ? " closed" : "";
    text += flow.state == SocketState::orphaned ? " orphaned" : "";
    text += flow.accepted ? " accepted" : "";
    text += flow.tuple.remote == endpoint("10.0.0.3", 8443) ? " elsewhere" : "";
    text += flow.cgroup_id != 0 ? fmt::format(" in {}", flow.cgroup_id) : "";
    CHECK((flow.inode == Inode{} || flow.inode == Inode{flow.cookie.value + 1000}));
    CHECK(flow.uid.has_value() == (flow.inode != Inode{}));
    return text += flow.inode == Inode{} ? " no inode" : "";
}

/// Says what the table has, without what is 0.
std::string text_of(const SocketTable& table)
{
    std::vector<Flow> flows = table.flows();
    std::sort(flows.begin(), flows.end(), [](const Flow& a, const Flow& b) { return a.cookie < b.cookie; });
    std::string text;
    for (const Flow& flow : flows) {
        text += fmt::format("{}{}", text.empty() ? "" : ", ", text_of(flow));
    }
    const auto count = [&](std::string_view what, std::size_t number) {
        text += number == 0 ? "" : fmt::format("; {} {}", number, what);
    };
    count("opened", table.opened());
    count("reset", table.resets());
    count("late", table.late());
    count("missing", table.missing().size());
    count("without counters", table.without_counters());
    count("unaccepted", table.has_unaccepted() ? 1 : 0);
    return text;
}

struct Case {
    std::string_view what;
    std::vector<Step> steps;
    std::string_view told;
};

void check(const std::vector<Case>& cases)
{
    for (const Case& each : cases) {
        CAPTURE(each.what);
        SocketTable table;
        for (const Step& step : each.steps) {
            step(table);
        }
        CHECK(text_of(table) == each.told);
    }
}

} // namespace

TEST_CASE("sockets: what one window tells")
{
    const Socket waiting = without_inode(accepted(1, 100, 0));
    check({
        {"at both ends: the difference",
         {first({connection(1, 100, 200)}), last({connection(1, 150, 1200)})},
         "1: 50/1000"},
        {"opened in the window: all, whether it ends or not",
         {last({connection(1, 100, 200)}), ended({connection(2, 30, 40)})},
         "1: 100/200, 2: 30/40 closed no inode; 2 opened"},
        {"listed: it has an inode, and no base", {listed({connection(1, 0, 0)})}, "1: 0/0; 1 opened; 1 missing"},
        {"listed, and ended",
         {listed({connection(1, 0, 0)}), ended({connection(1, 30, 40)})},
         "1: 30/40 closed; 1 opened"},
        {"ended: inode and user stay, by which the owner was found",
         {first({connection(1, 100, 200)}), ended({connection(1, 150, 1200)})},
         "1: 50/1000 closed"},
        {"the cgroup stays, which an event does not tell",
         {listed({in_cgroup(77, connection(1, 100, 200))}), ended({connection(1, 150, 1200)})},
         "1: 150/1200 closed in 77; 1 opened"},
        {"nothing changes after the end",
         {first({connection(1, 0, 0)}), ended({connection(1, 10, 20)}), listed({connection(1, 0, 0)}),
          last({connection(1, 99, 99)}), ended({connection(1, 99, 99)})},
         "1: 10/20 closed"},
        {"shown twice by a dump: the first row is the base",
         {first({connection(1, 100, 0), connection(1, 110, 0)}), last({connection(1, 150, 0), connection(1, 151, 0)})},
         "1: 50/0"},
        {"listeners and TIME_WAIT are no flows",
         {first({listener(80), time_wait(5)}), last({listener(81), time_wait(5)}), ended({time_wait(5)})},
         ""},
        {"counters that were reset: what they have now",
         {first({connection(1, 5000, 6000)}), last({connection(1, 10, 20)})},
         "1: 10/20; 1 reset"},
        {"connected again: the new remote end, and what moved there",
         {first({connection(1, 100, 200)}), last({to_elsewhere(connection(1, 7000, 8000))})},
         "1: 7000/8000 elsewhere; 1 reset"},
        {"disconnected: its bytes are lost, and that is told",
         {first({connection(1, 100, 200)}), ended({disconnected(1)})},
         "1: 0/0 closed; 1 reset"},
        {"idle for longer than the window: no dump showed it, and it moved nothing",
         {last({idle_for(1001, connection(1, 5000, 6000)), idle_for(1000, connection(2, 30, 40))}),
          ended({idle_for(1001, connection(3, 5000, 6000))})},
         "1: 0/0, 2: 30/40; 2 opened"},
        {"forgotten: the others stay as they were",
         {first({connection(1, 100, 0), connection(2, 100, 0), connection(3, 100, 0)}), ended({connection(1, 110, 0)}),
          forgotten(1), forgotten(1), forgotten(99), last({connection(3, 130, 0)}), ended({connection(2, 120, 0)}),
          forgotten(2)},
         "3: 30/0"},
        {"without counters: counted in each dump, but for TIME_WAIT and unaccepted ones",
         {first({without_counters(connection(1, 0, 0)), time_wait(2),
                 without_inode(without_counters(connection(3, 0, 0)))}),
          last({without_counters(connection(1, 0, 0))})},
         "; 2 without counters"},
        {"a list shows listeners too, and requests that may never become a connection",
         {listed({listener(80), in_state(TcpState::syn_recv, without_inode(accepted(1, 0, 0))), accepted(2, 0, 0)})},
         "2: 0/0 accepted; 1 opened; 1 missing"},
        {"destroyed before the window opened", {ended({connection(1, 30, 40)}, SocketTable::Phase::opening)}, ""},
        {"destroyed, and never connected", {ended({never_connected(1)})}, ""},
        {"an orphan keeps the inode of the time when it had one",
         {first({connection(1, 100, 200)}), last({orphan(100, 300)})},
         "1: 0/100 orphaned"},
        {"unaccepted: it waits for its inode",
         {first({listener(80)}), listed({waiting})},
         "1: 0/0 accepted no inode; 1 opened; 1 missing; 1 unaccepted"},
        {"accepted: it has its inode",
         {first({listener(80)}), listed({waiting, accepted(1, 0, 0)}), last({accepted(1, 100, 50)})},
         "1: 100/50 accepted; 1 opened"},
        {"unaccepted, and ended: it waits for nothing",
         {first({listener(80)}), listed({waiting}), ended({waiting})},
         "1: 100/0 closed accepted no inode; 1 opened"},
        {"without an inode or a listener: it cannot be accepted",
         {listed({without_inode(connection(1, 0, 0))})},
         "1: 0/0 no inode; 1 opened; 1 missing"},
        {"missing: neither in the last dump nor destroyed",
         {first({connection(1, 100, 200), connection(2, 100, 200)}), last({connection(2, 150, 200)})},
         "1: 0/0, 2: 50/0; 1 missing"},
        {"missing, until another dump shows it",
         {first({connection(1, 100, 200), connection(2, 100, 200)}), last({connection(2, 150, 200)}),
          last({connection(1, 170, 200)})},
         "1: 70/0, 2: 50/0"},
        {"the peer's FIN, which only a list showed, is no byte",
         {listed({in_state(TcpState::close_wait, connection(1, 0, 0))}), ended({connection(1, 501, 0)})},
         "1: 500/0 closed; 1 opened"},
    });
    for (const auto state : {TcpState::fin_wait1, TcpState::fin_wait2, TcpState::closing, TcpState::last_ack}) {
        check({{"an orphan in a list is not new", {listed({orphan(0, 0, state)})}, ""},
               {"a dump tells of it", {last({orphan(0, 0, state)})}, "1: 0/0 orphaned no inode; 1 opened"}});
    }
}

namespace {

/// The next window, after one of which the table told this.
Step next(std::string told, SocketTable::Events events = complete, std::size_t given_up = 0)
{
    return [=](SocketTable& table) {
        CHECK(text_of(table) == told);
        CHECK(table.next_window(events) == given_up);
    };
}

} // namespace

TEST_CASE("sockets: what one window after another tells")
{
    const Socket waiting = without_inode(accepted(1, 100, 0));
    const Step with_one = first({connection(1, 100, 200)});
    const Step twice_missed = [](SocketTable& table) {
        for (int window = 0; window < 4; ++window) { // dead, and its process does not close it
            last({})(table);
            next(window < 2 ? "1: 0/0; 1 missing" : "1: 0/0")(table);
        }
    };
    check({
        {"the next window begins with what the last one counted",
         {with_one, last({connection(1, 150, 1200), connection(2, 7, 8)}), next("1: 50/1000, 2: 7/8; 1 opened"),
          last({connection(1, 150, 1201), connection(2, 17, 8)})},
         "1: 0/1, 2: 10/0"},
        {"an event after the last dump belongs to the next window",
         {with_one, last({connection(1, 150, 1200)}), ended({connection(1, 160, 1300)}), next("1: 50/1000"), last({})},
         "1: 10/100 closed"},
        {"what has ended is no part of the next window",
         {with_one, first({connection(2, 100, 200), connection(3, 100, 200)}), ended({connection(1, 110, 200)}),
          last({connection(2, 120, 200), connection(3, 130, 200)}), next("1: 10/0 closed, 2: 20/0, 3: 30/0"),
          last({connection(3, 131, 200), connection(2, 122, 200)})},
         "2: 2/0, 3: 1/0"},
        {"opened and closed between two dumps of any window: all",
         {last({}), next(""), ended({connection(5, 30, 40)}), last({})},
         "5: 30/40 closed no inode; 1 opened"},
        {"listed, and only a dump of the next window shows it: all",
         {listed({connection(1, 0, 0)}), last({}), next("1: 0/0; 1 opened; 1 missing"), last({connection(1, 30, 40)})},
         "1: 30/40; 1 late"},
        {"accepted in the next window: the base stays",
         {first({listener(80)}), last({listener(80), waiting}), next("1: 100/0 accepted no inode; 1 opened"),
          last({listener(80), accepted(1, 150, 20)})},
         "1: 50/20 accepted"},
        {"a port is listened on as long as a dump shows the listener",
         {first({listener(80)}), last({}), next(""), last({accepted(1, 1, 1)})},
         "1: 1/1; 1 opened"},
        {"missing: it keeps its base, and nothing has moved",
         {with_one, twice_missed, ended({connection(1, 100, 200)})},
         "1: 0/0 closed"},
        {"missing: what has moved may be of any window since",
         {with_one, twice_missed, ended({connection(1, 105, 206)})},
         "1: 5/6 closed; 1 late"},
        {"missing twice, and events were lost: it is given up",
         {with_one, last({}), next("1: 0/0; 1 missing", lost), last({}), next("1: 0/0; 1 missing", lost, 1)},
         ""},
        {"missing once, found, missing again: it is not given up",
         {with_one, last({}), next("1: 0/0; 1 missing"), last({connection(1, 103, 200)}), next("1: 3/0; 1 late", lost),
          last({}), next("1: 0/0; 1 missing", lost)},
         "1: 0/0; 1 missing"},
        {"the queue was measured before 700 bytes came, which the counters have: no reset, and counted once",
         {first({connection(1, 1000, 0)}), last({connection(1, 1700, 0)}), next("1: 700/0"),
          last({unread(700, connection(1, 1700, 0))}), next("1: 0/0"), last({connection(1, 1705, 0)})},
         "1: 5/0"},
        {"a reset is one of its window only",
         {with_one, last({connection(1, 200, 300)}), next("1: 100/100"), last({connection(1, 10, 20)}),
          next("1: 10/20; 1 reset"), last({connection(1, 15, 20)})},
         "1: 5/0"},
    });
}

TEST_CASE("sockets: a row shown twice by one dump is a repeat; by two dumps, or without counters, it is none")
{
    constexpr auto fresh = DumpRow::fresh;
    constexpr auto repeated = DumpRow::repeated;
    SocketTable table;
    table.begin_dump();
    for (const auto& [socket, row] : {std::pair(connection(1, 100, 0), fresh),
                                      {connection(2, 100, 0), fresh},
                                      {connection(1, 110, 0), repeated},
                                      {connection(1, 120, 0), repeated},
                                      {listener(80), fresh},
                                      {listener(80), fresh},
                                      {time_wait(5), fresh},
                                      {time_wait(5), fresh}}) {
        CHECK(table.at_start(socket) == row);
    }
    table.begin_dump();
    CHECK(table.at_start(connection(1, 130, 0)) == fresh);
    table.begin_dump();
    for (const auto& [socket, row] : {std::pair(connection(3, 5, 0), fresh),
                                      {connection(3, 5, 0), repeated},
                                      {connection(1, 150, 0), fresh},
                                      {connection(1, 150, 0), repeated},
                                      {listener(80), fresh},
                                      {listener(80), fresh},
                                      {time_wait(5), fresh},
                                      {time_wait(5), fresh}}) {
        CHECK(table.at_end(socket, recent) == row);
    }
    table.begin_dump();
    CHECK(table.at_end(connection(3, 5, 0), recent) == fresh);
}

TEST_CASE("sockets: an event returns the flow as it ended, with its inode, unless it tells nothing of the window")
{
    Socket ended = in_state(TcpState::close, without_inode(connection(1, 150, 1200)));
    constexpr auto open = SocketTable::Phase::open;
    SocketTable table;
    CHECK(table.destroyed(ended, SocketTable::Phase::opening, recent) == nullptr);
    first({connection(1, 100, 200)})(table);
    const Flow* flow = table.destroyed(ended, open, recent);
    REQUIRE(flow != nullptr);
    CHECK(text_of(*flow) == "1: 50/1000 closed");
    CHECK(table.destroyed(ended, open, recent) == nullptr);
    ended.cookie = Cookie{2};
    CHECK(table.destroyed(idle_for(1001, ended), open, recent) == nullptr);
    CHECK(table.destroyed(without_counters(ended), open, recent) == nullptr);
    CHECK(table.moved_bytes());
}

TEST_CASE("sockets: which inodes a process has to hold")
{
    const Socket other = connection(2, 100, 200);
    const std::vector both{Inode{1001}, Inode{1002}};
    SocketTable table;
    listed({without_inode(connection(3, 0, 0))})(table);
    CHECK(table.live_inodes().empty());
    first({connection(1, 100, 200), other})(table);
    CHECK(table.live_inodes() == both);
    last({orphan(100, 900)})(table);
    CHECK(table.live_inodes() == std::vector{Inode{1002}}); // missing, perhaps alive
    CHECK(table.listed_inodes().empty());
    last({orphan(100, 900), other})(table);
    CHECK(table.listed_inodes() == std::vector{Inode{1002}});
    CHECK(table.live(both).size() == 1);
    ended({other})(table); // an event of the next window
    table.next_window(complete);
    CHECK(table.live_inodes().empty());
}

TEST_CASE("sockets: nothing more may come of a table without connections and listeners")
{
    SocketTable table;
    CHECK(table.is_empty());
    first({connection(1, 100, 200), listener(80)})(table);
    last({listener(80)})(table);
    ended({connection(1, 105, 206)})(table);
    CHECK_FALSE(table.is_empty());
    table.next_window(complete);
    CHECK(table.flows().empty());
    CHECK_FALSE(table.is_empty()); // the process that accepts there may be in another namespace
    last({})(table);
    table.next_window(complete);
    CHECK(table.is_empty());
}

TEST_CASE("sockets: the listeners are those of the window, by port")
{
    SocketTable table;
    const auto ports = [&table] {
        Listeners listeners;
        table.add_to(listeners, Inode{1});
        std::vector<std::uint16_t> found;
        for (const auto& [where, at_port] : listeners) {
            CHECK(where.first == Inode{1});
            CHECK(at_port.front().inode == Inode{where.second + 1000U});
            found.push_back(where.second);
        }
        return found;
    };
    first({listener(80), listener(82)})(table);
    listed({listener(81), listener(82)})(table);
    last({listener(82), listener(83)})(table);
    CHECK(ports() == std::vector<std::uint16_t>{80, 81, 82, 83});
    table.next_window(complete);
    CHECK(ports() == std::vector<std::uint16_t>{82, 83});
    last({connection(1, 0, 0)})(table);
    table.next_window(complete);
    CHECK(ports().empty());
}

TEST_CASE("sockets: over many windows the sum is what was moved, and the table does not grow")
{
    SocketTable table;
    first({connection(1, 50, 0)})(table);
    std::uint64_t sum = 0;
    std::uint64_t moved = 0;
    std::uint64_t rx = 50;
    for (std::uint64_t window = 1; window <= 500; ++window) {
        const std::uint64_t in_between = 1000 + window;
        const std::uint64_t across = 10'000 + window;
        ended({connection(in_between, 3, 0)})(table);
        if (window > 1) { // opened in the last window
            ended({connection(across - 1, 5 + 6, 0)})(table);
        }
        rx += window;
        // The kernel's figure of a connection may be a byte less than it was.
        last({connection(1, rx - window % 2, 0), connection(across, 5, 0)})(table);
        moved += 3 + (window > 1 ? 6 : 0) + 5;
        for (const Flow& flow : table.flows()) {
            sum += *flow.rx_bytes;
        }
        CHECK(table.flows().size() <= 4);
        CHECK(table.missing().empty());
        table.next_window(complete);
        CHECK_FALSE(table.moved_bytes());
        CHECK(table.flows().size() == 2);
    }
    CHECK(sum == moved + rx - 50);
}

namespace {

Socket udp_socket(std::uint64_t cookie)
{
    Socket socket;
    socket.tuple = {Protocol::udp, endpoint("0.0.0.0", 53), endpoint("0.0.0.0", 0)};
    socket.cookie = Cookie{cookie};
    socket.inode = Inode{cookie + 1000};
    socket.uid = Uid{1000};
    return socket;
}

std::vector<std::uint64_t> cookies_of(const UdpSockets& sockets)
{
    std::vector<std::uint64_t> cookies;
    for (const Flow& flow : sockets.flows()) {
        CHECK(flow.inode == Inode{flow.cookie.value + 1000});
        CHECK(flow.uid == Uid{1000});
        cookies.push_back(flow.cookie.value);
    }
    return cookies;
}

} // namespace

TEST_CASE("UDP sockets: one flow each of either dump, and of the last one in the next window")
{
    using Cookies = std::vector<std::uint64_t>;
    UdpSockets sockets;
    const auto dump = [&](const Cookies& cookies) {
        sockets.begin_dump();
        for (const std::uint64_t cookie : cookies) {
            sockets.add(udp_socket(cookie));
        }
    };
    dump({1, 2, 1});
    dump({2, 3});
    CHECK(cookies_of(sockets) == Cookies{1, 2, 3});
    sockets.next_window();
    CHECK(cookies_of(sockets) == Cookies{2, 3});
    dump({});
    sockets.next_window();
    CHECK(cookies_of(sockets).empty());
}

TEST_CASE("UDP sockets: bytes are unknown, never 0, unless no datagram moved at all")
{
    for (const bool silent : {false, true}) {
        UdpSockets sockets;
        sockets.add(udp_socket(1));
        std::vector<Flow> flows;
        sockets.add_to(flows, silent);
        REQUIRE(flows.size() == 1);
        CHECK(flows[0].rx_bytes == (silent ? std::optional<std::uint64_t>(0) : std::nullopt));
        CHECK(flows[0].tx_bytes == flows[0].rx_bytes);
    }
}

TEST_CASE("facts: state, rtt and what was sent again in the window, if they are kept")
{
    const auto sent_again = [](std::uint64_t retransmitted, std::uint32_t rtt_us, Socket socket) {
        socket.tcp->sent->bytes_retrans = retransmitted;
        socket.tcp->rtt_us = rtt_us;
        return socket;
    };
    const auto run = [](SocketTable& table, const std::vector<Step>& steps) {
        for (const Step& step : steps) {
            step(table);
        }
    };
    const auto facts_of_first = [](const SocketTable& table) {
        REQUIRE(!table.flows().empty());
        REQUIRE(table.flows().front().facts != nullptr);
        return *table.flows().front().facts;
    };
    SocketTable table(SocketTable::Facts::kept);
    run(table, {first({sent_again(100, 7, connection(1, 10, 20))}), last({sent_again(130, 9, connection(1, 10, 60))})});
    SocketFacts facts = facts_of_first(table);
    CHECK(facts.state == ConnectionState::established);
    CHECK(facts.rtt_us == 9U);
    CHECK(facts.retransmitted_bytes == 30U);
    table.next_window(complete);
    CHECK(table.flows().front().facts == nullptr); // nothing is known of the next window yet
    run(table, {ended({sent_again(135, 0, connection(1, 10, 60))})});
    facts = facts_of_first(table);
    CHECK(facts.state == ConnectionState::closed);
    CHECK(!facts.rtt_us);
    CHECK(facts.retransmitted_bytes == 5U);
    CHECK(table.flows().front().may_have_traffic());

    SocketTable opened(SocketTable::Facts::kept);
    run(opened, {first({}), ended({sent_again(40, 7, connection(2, 10, 60))})});
    CHECK(facts_of_first(opened).retransmitted_bytes == 40U);

    SocketTable of_old_kernel(SocketTable::Facts::kept);
    Socket old = connection(3, 10, 20);
    old.tcp->sent.reset();
    run(of_old_kernel, {first({old}), last({old})});
    CHECK(!facts_of_first(of_old_kernel).retransmitted_bytes);

    SocketTable without;
    run(without, {first({connection(1, 10, 20)}), last({connection(1, 10, 60)})});
    CHECK(without.flows().front().facts == nullptr);
}
