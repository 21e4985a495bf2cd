// SPDX-License-Identifier: MIT
#include "traffic/netlink/socket_table.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

using namespace socktally;
using namespace socktally::test;

namespace {

using Shown = SocketTable::Row;
using TableWindow = SocketTable::Window;

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
Socket accepted_connection(std::uint64_t cookie, std::uint64_t rx, std::uint64_t tx)
{
    Socket socket = connection(cookie, rx, tx);
    socket.tuple.local.port = 80;
    socket.tcp->bytes_acked = tx;
    return socket;
}

/// As a destroy event shows it: no inode, no user.
Socket destroyed(Socket socket)
{
    socket.state = TcpState::close;
    socket.inode = {};
    socket.uid = {};
    return socket;
}

Socket without_counters(Socket socket)
{
    socket.tcp.reset();
    return socket;
}

Socket time_wait(std::uint64_t cookie)
{
    Socket socket = without_counters(connection(cookie, 0, 0));
    socket.state = TcpState::time_wait;
    socket.inode = {};
    return socket;
}

Flow only_flow(SocketTable& table)
{
    auto flows = table.take_flows();
    REQUIRE(flows.size() == 1);
    return flows.front();
}

} // namespace

TEST_CASE("a connection there at both ends has moved the difference")
{
    SocketTable table;
    table.begin_dump();
    CHECK(table.at_start(connection(1, 100, 200)) == Shown::fresh);
    CHECK_FALSE(table.moved_bytes());
    table.begin_dump();
    CHECK(table.at_end(connection(1, 150, 1200), recent) == Shown::fresh);
    CHECK(table.moved_bytes());
    CHECK(table.opened() == 0);
    CHECK(table.resets() == 0);
    CHECK(table.missing().empty());
    const Flow flow = only_flow(table);
    CHECK(flow.rx_bytes == 50U);
    CHECK(flow.tx_bytes == 1000U);
    CHECK(flow.cookie == Cookie{1});
    CHECK(flow.inode == Inode{1001});
    CHECK(flow.uid == Uid{1000});
    CHECK(flow.state == SocketState::open);
    CHECK_FALSE(flow.accepted);
}

TEST_CASE("a connection opened in the window counts from 0, whether it ends in it or not")
{
    SocketTable table;
    table.begin_dump();
    table.at_end(connection(1, 100, 200), recent);
    table.destroyed(destroyed(connection(2, 30, 40)), TableWindow::open, recent);
    CHECK(table.opened() == 2);
    const auto flows = table.take_flows();
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].rx_bytes == 100U);
    CHECK(flows[0].tx_bytes == 200U);
    CHECK(flows[1].rx_bytes == 30U);
    CHECK(flows[1].tx_bytes == 40U);
    CHECK(flows[1].state == SocketState::closed);
    CHECK(flows[1].inode == Inode{});
    CHECK_FALSE(flows[1].uid);
}

TEST_CASE("a look in the window gives a newcomer its inode, not its base")
{
    SocketTable table;
    table.during(without_counters(connection(1, 0, 0)));
    CHECK(table.opened() == 1);
    CHECK(table.live_inodes() == std::vector{Inode{1001}});
    CHECK(table.missing().size() == 1);
    const Flow* ended = table.destroyed(destroyed(connection(1, 30, 40)), TableWindow::open, recent);
    REQUIRE(ended != nullptr);
    CHECK(ended->inode == Inode{1001});
    CHECK(table.opened() == 1);
    CHECK(table.missing().empty());
    CHECK(table.live_inodes().empty());
    const Flow flow = only_flow(table);
    CHECK(flow.rx_bytes == 30U);
    CHECK(flow.tx_bytes == 40U);
    CHECK(flow.inode == Inode{1001});
    CHECK(flow.uid == Uid{1000});
}

TEST_CASE("a connection that ends in the window keeps inode and user by which its owner was found")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    const Flow* ended = table.destroyed(destroyed(connection(1, 150, 1200)), TableWindow::open, recent);
    REQUIRE(ended != nullptr);
    CHECK(ended->inode == Inode{1001});
    const Flow flow = only_flow(table);
    CHECK(flow.rx_bytes == 50U);
    CHECK(flow.tx_bytes == 1000U);
    CHECK(flow.inode == Inode{1001});
    CHECK(flow.uid == Uid{1000});
    CHECK(flow.state == SocketState::closed);
}

TEST_CASE("a connection keeps the cgroup that a dump told, which its destroy event does not")
{
    SocketTable table;
    table.begin_dump();
    Socket socket = connection(1, 100, 200);
    socket.cgroup_id = 77;
    table.during(socket);
    const Flow* ended = table.destroyed(destroyed(connection(1, 150, 1200)), TableWindow::open, recent);
    REQUIRE(ended != nullptr);
    CHECK(ended->cgroup_id == 77);
}

TEST_CASE("what comes after the end changes nothing")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 0, 0));
    table.destroyed(destroyed(connection(1, 10, 20)), TableWindow::open, recent);
    table.during(without_counters(connection(1, 0, 0)));
    table.begin_dump();
    table.at_end(connection(1, 99, 99), recent);
    CHECK(table.destroyed(destroyed(connection(1, 99, 99)), TableWindow::open, recent) == nullptr);
    CHECK(table.opened() == 0);
    const Flow flow = only_flow(table);
    CHECK(flow.rx_bytes == 10U);
    CHECK(flow.tx_bytes == 20U);
    CHECK(flow.state == SocketState::closed);
}

TEST_CASE("a row shown twice by one dump is a repeat and counts once; by two dumps it is none")
{
    SocketTable table;
    table.begin_dump();
    CHECK(table.at_start(connection(1, 100, 0)) == Shown::fresh);
    CHECK(table.at_start(connection(2, 100, 0)) == Shown::fresh);
    CHECK(table.at_start(connection(1, 110, 0)) == Shown::repeated);
    CHECK(table.at_start(connection(1, 120, 0)) == Shown::repeated);
    table.begin_dump();
    CHECK(table.at_start(connection(1, 130, 0)) == Shown::fresh);
    CHECK(table.at_start(connection(2, 130, 0)) == Shown::fresh);
    table.begin_dump();
    CHECK(table.at_end(connection(3, 5, 0), recent) == Shown::fresh);
    CHECK(table.at_end(connection(3, 5, 0), recent) == Shown::repeated);
    CHECK(table.at_end(connection(1, 150, 0), recent) == Shown::fresh);
    CHECK(table.at_end(connection(1, 150, 0), recent) == Shown::repeated);
    table.begin_dump();
    CHECK(table.at_end(connection(3, 5, 0), recent) == Shown::fresh);
    CHECK(table.opened() == 1);
    const auto flows = table.take_flows();
    REQUIRE(flows.size() == 3);
    CHECK(flows[0].rx_bytes == 50U); // since the first row that showed it
    CHECK(flows[2].rx_bytes == 5U);
}

TEST_CASE("listeners and rows without counters are no flows and never repeats")
{
    SocketTable table;
    table.begin_dump();
    for (int i = 0; i < 2; ++i) {
        CHECK(table.at_start(listener(80)) == Shown::fresh);
        CHECK(table.at_start(time_wait(5)) == Shown::fresh);
        CHECK(table.at_end(listener(81), recent) == Shown::fresh);
        CHECK(table.at_end(time_wait(5), recent) == Shown::fresh);
    }
    CHECK_FALSE(table.destroyed(time_wait(5), TableWindow::open, recent));
    CHECK(table.opened() == 0);
    CHECK(table.take_flows().empty());
}

TEST_CASE("counters that went back begin a new epoch: what is there now is what was moved since")
{
    const auto figures_after = [](const Socket& first, const Socket& last) {
        SocketTable table;
        table.begin_dump();
        table.at_start(first);
        table.begin_dump();
        table.at_end(last, recent);
        const std::size_t resets = table.resets();
        const Flow flow = only_flow(table);
        return std::tuple(resets, flow.rx_bytes.value(), flow.tx_bytes.value());
    };
    CHECK(figures_after(connection(1, 5000, 6000), connection(1, 10, 20)) == std::tuple(1, 10, 20));
    CHECK(figures_after(connection(1, 5000, 0), connection(1, 4990, 0)) == std::tuple(1, 4990, 0));

    Socket fewer_segments = connection(1, 5000, 6000);
    fewer_segments.tcp->segs_in = 3;
    CHECK(figures_after(connection(1, 100, 200), fewer_segments) == std::tuple(1, 5000, 6000));
    fewer_segments = connection(1, 5000, 6000);
    fewer_segments.tcp->segs_out = 3;
    CHECK(figures_after(connection(1, 100, 200), fewer_segments) == std::tuple(1, 5000, 6000));
}

TEST_CASE("a segment counter of 32 bits that wraps round is no new epoch")
{
    Socket first = connection(1, 100, 200);
    Socket last = connection(1, 150, 260);
    first.tcp->segs_in = first.tcp->segs_out = 0xfffffff0;
    last.tcp->segs_in = last.tcp->segs_out = 0x10;
    SocketTable table;
    table.begin_dump();
    table.at_start(first);
    table.begin_dump();
    table.at_end(last, recent);
    CHECK(table.resets() == 0);
    const Flow flow = only_flow(table);
    CHECK(flow.rx_bytes == 50U);
    CHECK(flow.tx_bytes == 60U);
}

TEST_CASE("a segment counter far behind is a wrapped one where the payload has grown by as much, a new one else")
{
    constexpr std::uint64_t much = (1ULL << 40) + 5;
    for (const bool has_grown : {true, false}) {
        CAPTURE(has_grown);
        Socket first = connection(1, 100, 0);
        Socket last = connection(1, has_grown ? much : 150, 0);
        first.tcp->segs_in = 0x40000000;
        last.tcp->segs_in = 0x10000000;
        SocketTable table;
        table.begin_dump();
        table.at_start(first);
        table.begin_dump();
        table.at_end(last, recent);
        CHECK(table.resets() == (has_grown ? 0 : 1));
        CHECK(only_flow(table).rx_bytes == (has_grown ? much - 100 : 150));
    }
}

TEST_CASE(
    "a socket that no dump showed before but that has been idle for longer than the window has moved nothing in it")
{
    Socket old = connection(1, 5000, 6000);
    old.tcp->idle_ms = 1001;
    Socket young = connection(2, 30, 40);
    young.tcp->idle_ms = 1000;
    SocketTable table;
    table.begin_dump();
    table.at_end(old, recent);
    table.at_end(young, recent);
    Socket old_destroyed = destroyed(connection(3, 5000, 6000));
    old_destroyed.tcp->idle_ms = 1001;
    CHECK(table.destroyed(old_destroyed, TableWindow::open, recent) == nullptr);
    CHECK(table.resets() == 0);
    const auto flows = table.take_flows();
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].rx_bytes == 0U);
    CHECK(flows[0].tx_bytes == 0U);
    CHECK(flows[1].rx_bytes == 30U);
    CHECK(flows[1].tx_bytes == 40U);
}

TEST_CASE("a flow that is forgotten leaves the others as they were")
{
    SocketTable table;
    table.begin_dump();
    for (const std::uint64_t cookie : {1U, 2U, 3U}) {
        table.at_start(connection(cookie, 100, 0));
    }
    table.destroyed(destroyed(connection(1, 110, 0)), TableWindow::open, recent);
    table.forget(Cookie{1});
    table.forget(Cookie{1});
    table.forget(Cookie{99});
    table.begin_dump();
    table.at_end(connection(3, 130, 0), recent);
    table.destroyed(destroyed(connection(2, 120, 0)), TableWindow::open, recent);
    CHECK(table.missing().empty());
    table.forget(Cookie{2});
    const Flow flow = only_flow(table);
    CHECK(flow.cookie == Cookie{3});
    CHECK(flow.rx_bytes == 30U);
}

TEST_CASE("connections without counters are counted, TIME_WAIT and unaccepted ones are none of them")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(without_counters(connection(1, 0, 0)));
    CHECK(table.without_counters() == 1);
    table.at_start(time_wait(2));
    Socket waiting = without_counters(connection(3, 0, 0));
    waiting.inode = {};
    table.at_start(waiting);
    CHECK(table.without_counters() == 1);
    table.begin_dump();
    table.at_end(without_counters(connection(1, 0, 0)), recent);
    CHECK(table.without_counters() == 2);
    CHECK(table.take_flows().empty());
}

TEST_CASE("a look shows listeners too, and requests that may never become a connection")
{
    Socket request = without_counters(accepted_connection(1, 0, 0));
    request.state = TcpState::syn_recv;
    request.inode = {};
    SocketTable table;
    table.during(listener(80));
    table.during(request);
    CHECK(table.opened() == 0);
    table.during(without_counters(accepted_connection(2, 0, 0)));
    CHECK(table.opened() == 1);
    CHECK(only_flow(table).accepted);
}

TEST_CASE("a figure one byte below an earlier one is the doubt about a FIN, no new epoch")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    table.begin_dump();
    Socket last = connection(1, 99, 199);
    last.tcp->segs_in = 200;
    last.tcp->segs_out = 300;
    table.at_end(last, recent);
    CHECK(table.resets() == 0);
    const Flow flow = only_flow(table);
    CHECK(flow.rx_bytes == 0U);
    CHECK(flow.tx_bytes == 0U);
}

TEST_CASE("a socket that connected again has the new tuple and what it moved there")
{
    Socket again = connection(1, 7000, 8000);
    again.tuple.remote = endpoint("10.0.0.3", 8443);
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    table.begin_dump();
    table.at_end(again, recent);
    CHECK(table.resets() == 1);
    const Flow flow = only_flow(table);
    CHECK(flow.tuple == again.tuple);
    CHECK(flow.rx_bytes == 7000U);
    CHECK(flow.tx_bytes == 8000U);
}

TEST_CASE("a socket that was disconnected keeps the tuple it had; its bytes are lost, and that is told")
{
    Socket gone = destroyed(connection(1, 0, 0));
    gone.tuple.remote = {};
    gone.tcp = TcpCounters();
    gone.wqueue = 3000; // what tcp_disconnect() leaves of the sequence numbers
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    table.destroyed(gone, TableWindow::open, recent);
    CHECK(table.resets() == 1);
    const Flow flow = only_flow(table);
    CHECK(flow.tuple == connection(1, 0, 0).tuple);
    CHECK(flow.rx_bytes == 0U);
    CHECK(flow.tx_bytes == 0U);
}

TEST_CASE("a socket destroyed before the window opened was no part of it")
{
    SocketTable table;
    CHECK_FALSE(table.destroyed(destroyed(connection(1, 30, 40)), TableWindow::opening, recent));
    CHECK(table.opened() == 0);
    CHECK(table.take_flows().empty());
}

TEST_CASE("a destroyed socket that never was connected is no flow")
{
    Socket idle = destroyed(connection(1, 0, 0));
    idle.tcp = TcpCounters();
    SocketTable table;
    CHECK_FALSE(table.destroyed(idle, TableWindow::open, recent));
    CHECK(table.opened() == 0);
    CHECK(table.take_flows().empty());
}

TEST_CASE("an orphan that a look shows is not new: the last dump or its destroy event will tell")
{
    for (const auto state : {TcpState::fin_wait1, TcpState::fin_wait2, TcpState::closing, TcpState::last_ack}) {
        Socket orphan = connection(1, 0, 0);
        orphan.state = state;
        orphan.inode = {};
        SocketTable table;
        table.during(without_counters(orphan));
        CHECK(table.opened() == 0);
        CHECK(table.missing().empty());
        table.begin_dump();
        table.at_end(orphan, recent);
        CHECK(only_flow(table).state == SocketState::orphaned);
    }
}

TEST_CASE("an orphan keeps the inode of the time when it had one")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    table.begin_dump();
    Socket orphan = connection(1, 100, 300);
    orphan.state = TcpState::fin_wait1;
    orphan.inode = {};
    orphan.wqueue = 1;
    table.at_end(orphan, recent);
    const Flow flow = only_flow(table);
    CHECK(flow.state == SocketState::orphaned);
    CHECK(flow.inode == Inode{1001});
    CHECK(flow.tx_bytes == 100U);
}

TEST_CASE("an unaccepted connection waits for its inode and gets it when it is accepted")
{
    Socket waiting = accepted_connection(1, 100, 0);
    waiting.inode = {};
    SocketTable table;
    table.begin_dump();
    table.at_start(listener(80));
    CHECK_FALSE(table.has_unaccepted());
    table.during(without_counters(waiting));
    CHECK(table.has_unaccepted());
    CHECK(table.live_inodes().empty());
    table.during(without_counters(accepted_connection(1, 0, 0)));
    CHECK_FALSE(table.has_unaccepted());
    CHECK(table.live_inodes() == std::vector{Inode{1001}});
    table.begin_dump();
    table.at_end(accepted_connection(1, 100, 50), recent);
    const Flow flow = only_flow(table);
    CHECK(flow.accepted);
    CHECK(flow.inode == Inode{1001});
    CHECK(flow.rx_bytes == 100U);
    CHECK(flow.tx_bytes == 50U);
}

TEST_CASE("an unaccepted connection that ended waits for nothing")
{
    Socket waiting = accepted_connection(1, 100, 0);
    waiting.inode = {};
    SocketTable table;
    table.begin_dump();
    table.at_start(listener(80));
    table.during(without_counters(waiting));
    table.destroyed(destroyed(waiting), TableWindow::open, recent);
    CHECK_FALSE(table.has_unaccepted());
    CHECK(only_flow(table).inode == Inode{});
}

TEST_CASE("a socket without inode that nobody listens for is no connection to be accepted")
{
    Socket held_by_nobody = connection(1, 0, 0);
    held_by_nobody.inode = {};
    SocketTable table;
    table.during(without_counters(held_by_nobody));
    CHECK_FALSE(table.has_unaccepted());
}

TEST_CASE("what is neither in the last dump nor destroyed is missing, and 0 bytes until it is found")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    table.at_start(connection(2, 100, 200));
    table.begin_dump();
    table.at_end(connection(2, 150, 200), recent);
    const auto missing = table.missing();
    REQUIRE(missing.size() == 1);
    CHECK(missing[0]->cookie == Cookie{1});
    CHECK(missing[0]->rx_bytes == 0U);
    table.at_end(connection(1, 170, 200), recent);
    CHECK(table.missing().empty());
    CHECK(table.take_flows()[0].rx_bytes == 70U);
}

TEST_CASE("a FIN of the peer that a look showed is known when the socket is destroyed")
{
    Socket half_closed = connection(1, 0, 0);
    half_closed.state = TcpState::close_wait;
    Socket last = destroyed(connection(1, 501, 0)); // 500 bytes and a FIN
    SocketTable table;
    table.during(without_counters(half_closed));
    table.destroyed(last, TableWindow::open, recent);
    CHECK(only_flow(table).rx_bytes == 500U);
}

namespace {

/// The flow of a cookie in the window that is over, and then on to the next one.
Flow flow_of(const SocketTable& table, std::uint64_t cookie)
{
    const auto& flows = table.flows();
    const auto found =
        std::find_if(flows.begin(), flows.end(), [=](const Flow& flow) { return flow.cookie == Cookie{cookie}; });
    REQUIRE(found != flows.end());
    return *found;
}

void dump_at_end(SocketTable& table, std::initializer_list<Socket> sockets)
{
    table.begin_dump();
    for (const Socket& socket : sockets) {
        table.at_end(socket, recent);
    }
}

constexpr auto complete = SocketTable::Events::complete;
constexpr auto lost = SocketTable::Events::lost;

} // namespace

TEST_CASE("the next window begins with what the last one counted")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    dump_at_end(table, {connection(1, 150, 1200), connection(2, 7, 8)});
    CHECK(table.next_window(complete) == 0);
    CHECK_FALSE(table.moved_bytes());
    CHECK(table.opened() == 0);
    CHECK(table.missing().size() == 2);

    dump_at_end(table, {connection(1, 150, 1201), connection(2, 17, 8)});
    CHECK(table.missing().empty());
    CHECK(table.opened() == 0);
    CHECK(flow_of(table, 1).rx_bytes == 0U);
    CHECK(flow_of(table, 1).tx_bytes == 1U);
    CHECK(flow_of(table, 2).rx_bytes == 10U);
    CHECK(flow_of(table, 2).tx_bytes == 0U);
}

TEST_CASE("an event that comes after the last dump belongs to the next window")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    dump_at_end(table, {connection(1, 150, 1200)});
    CHECK(table.destroyed(destroyed(connection(1, 160, 1300)), TableWindow::open, recent) == nullptr);
    CHECK(flow_of(table, 1).rx_bytes == 50U);
    CHECK(flow_of(table, 1).state == SocketState::open);

    table.next_window(complete);
    CHECK(table.missing().empty());
    CHECK(table.live_inodes().empty());
    dump_at_end(table, {});
    CHECK(flow_of(table, 1).rx_bytes == 10U);
    CHECK(flow_of(table, 1).tx_bytes == 100U);
    CHECK(flow_of(table, 1).state == SocketState::closed);
    CHECK(flow_of(table, 1).inode == Inode{1001});

    table.next_window(complete);
    CHECK(table.flows().empty());
}

TEST_CASE("a connection that ended is no part of the next window")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    table.at_start(connection(2, 100, 200));
    table.at_start(connection(3, 100, 200));
    table.destroyed(destroyed(connection(1, 110, 200)), TableWindow::open, recent);
    dump_at_end(table, {connection(2, 120, 200), connection(3, 130, 200)});
    table.next_window(complete);
    CHECK(table.flows().size() == 2);
    // The last one has moved up in the table.
    dump_at_end(table, {connection(3, 131, 200), connection(2, 122, 200)});
    CHECK(flow_of(table, 2).rx_bytes == 2U);
    CHECK(flow_of(table, 3).rx_bytes == 1U);
    CHECK(table.opened() == 0);
}

TEST_CASE("a connection opened and closed between two dumps of any window counts from 0")
{
    SocketTable table;
    table.begin_dump();
    dump_at_end(table, {});
    table.next_window(complete);
    table.destroyed(destroyed(connection(5, 30, 40)), TableWindow::open, recent);
    dump_at_end(table, {});
    CHECK(table.opened() == 1);
    CHECK(flow_of(table, 5).rx_bytes == 30U);
}

TEST_CASE("a connection seen by a look, and by the dump of a later window only, counts from 0")
{
    SocketTable table;
    table.begin_dump();
    table.during(without_counters(connection(1, 0, 0)));
    dump_at_end(table, {});
    table.next_window(complete);
    dump_at_end(table, {connection(1, 30, 40)});
    CHECK(flow_of(table, 1).rx_bytes == 30U);
    CHECK(flow_of(table, 1).tx_bytes == 40U);
    CHECK(table.resets() == 0);
}

TEST_CASE("an accept in the next window gives the connection its owner, and its base stays")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(listener(80));
    Socket waiting = accepted_connection(1, 100, 0);
    waiting.inode = {};
    dump_at_end(table, {listener(80), waiting});
    CHECK(table.has_unaccepted() == false);
    CHECK(flow_of(table, 1).rx_bytes == 100U);
    table.next_window(complete);
    CHECK(table.has_unaccepted());
    dump_at_end(table, {listener(80), accepted_connection(1, 150, 20)});
    CHECK(flow_of(table, 1).rx_bytes == 50U);
    CHECK(flow_of(table, 1).tx_bytes == 20U);
    CHECK(flow_of(table, 1).inode == Inode{1001});
    CHECK(flow_of(table, 1).accepted);
}

TEST_CASE("a port is listened on as long as a dump shows the listener")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(listener(80));
    dump_at_end(table, {});
    table.next_window(complete);
    dump_at_end(table, {accepted_connection(1, 1, 1)});
    CHECK_FALSE(flow_of(table, 1).accepted);
}

TEST_CASE("one that is missing keeps its base until its event comes, whenever that is")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    dump_at_end(table, {});
    CHECK(table.missing().size() == 1);
    table.next_window(complete);
    dump_at_end(table, {});
    CHECK(table.missing().size() == 1);
    table.next_window(complete);
    for (int window = 0; window < 3; ++window) { // dead, and its process does not close it
        dump_at_end(table, {});
        CHECK(table.missing().empty());
        CHECK(table.next_window(complete) == 0);
    }
    CHECK(table.late() == 0);
    SUBCASE("nothing was moved with it")
    {
        table.destroyed(destroyed(connection(1, 100, 200)), TableWindow::open, recent);
        CHECK(table.late() == 0);
    }
    SUBCASE("its bytes may be of any of the windows since")
    {
        table.destroyed(destroyed(connection(1, 105, 206)), TableWindow::open, recent);
        CHECK(flow_of(table, 1).rx_bytes == 5U);
        CHECK(flow_of(table, 1).tx_bytes == 6U);
        CHECK(table.late() == 1);
        table.next_window(complete);
        CHECK(table.late() == 0);
    }
}

TEST_CASE("nothing more may come of a table without connections and listeners")
{
    SocketTable table;
    CHECK(table.is_empty());
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    table.at_start(listener(80));
    dump_at_end(table, {listener(80)});
    table.destroyed(destroyed(connection(1, 105, 206)), TableWindow::open, recent);
    CHECK_FALSE(table.is_empty());
    table.next_window(complete);
    CHECK(table.flows().empty());
    CHECK_FALSE(table.is_empty()); // who accepts there may be in another namespace
    dump_at_end(table, {});
    table.next_window(complete);
    CHECK(table.is_empty());
}

TEST_CASE("a closed connection that the kernel still sends for is in no process's hands")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    table.at_start(connection(2, 100, 200));
    CHECK(table.live_inodes().size() == 2);
    Socket orphan = connection(1, 100, 900);
    orphan.state = TcpState::fin_wait1;
    orphan.inode = {};
    dump_at_end(table, {orphan});
    CHECK(table.live_inodes() == std::vector{Inode{1002}}); // missing, perhaps alive
    CHECK(table.listed_inodes().empty());
    dump_at_end(table, {orphan, connection(2, 100, 200)});
    CHECK(table.listed_inodes() == std::vector{Inode{1002}});
}

TEST_CASE("a payload that seemed read and was not is no reset, and is counted once")
{
    // The queue was 0 when it was measured; 700 bytes had come when the counters were.
    Socket unread = connection(1, 1700, 0);
    unread.rqueue = 700;
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 1000, 0));
    dump_at_end(table, {connection(1, 1700, 0)});
    CHECK(flow_of(table, 1).rx_bytes == 700U);
    table.next_window(complete);
    dump_at_end(table, {unread});
    CHECK(table.resets() == 0);
    CHECK(flow_of(table, 1).rx_bytes == 0U);
    table.next_window(complete);
    dump_at_end(table, {connection(1, 1705, 0)});
    CHECK(flow_of(table, 1).rx_bytes == 5U);
    CHECK(table.resets() == 0);
}

TEST_CASE("one whose event may be lost is forgotten when it is missing twice")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    dump_at_end(table, {});
    CHECK(table.next_window(lost) == 0);
    CHECK(table.flows().size() == 1);
    dump_at_end(table, {});
    CHECK(table.next_window(lost) == 1);
    CHECK(table.flows().empty());
}

TEST_CASE("one that is found again is counted on")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    dump_at_end(table, {});
    table.next_window(complete);
    dump_at_end(table, {connection(1, 103, 200)});
    CHECK(flow_of(table, 1).rx_bytes == 3U);
    table.next_window(lost);
    dump_at_end(table, {});
    CHECK(table.next_window(lost) == 0);
    CHECK(table.flows().size() == 1);
}

TEST_CASE("counters that begin anew in the next window are a new epoch there, and only there")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 100, 200));
    dump_at_end(table, {connection(1, 200, 300)});
    table.next_window(complete);
    dump_at_end(table, {connection(1, 10, 20)});
    CHECK(table.resets() == 1);
    CHECK(flow_of(table, 1).rx_bytes == 10U);
    table.next_window(complete);
    CHECK(table.resets() == 0);
    dump_at_end(table, {connection(1, 15, 20)});
    CHECK(table.resets() == 0);
    CHECK(flow_of(table, 1).rx_bytes == 5U);
    CHECK(flow_of(table, 1).tx_bytes == 0U);
}

TEST_CASE("over many windows the sum is what was moved, and the table does not grow")
{
    SocketTable table;
    table.begin_dump();
    table.at_start(connection(1, 50, 0));
    std::uint64_t sum = 0;
    std::uint64_t moved = 0;
    std::uint64_t rx = 50;
    for (std::uint64_t window = 1; window <= 500; ++window) {
        const std::uint64_t in_between = 1000 + window;
        const std::uint64_t across = 10'000 + window;
        table.destroyed(destroyed(connection(in_between, 3, 0)), TableWindow::open, recent);
        if (window > 1) { // opened in the last window
            table.destroyed(destroyed(connection(across - 1, 5 + 6, 0)), TableWindow::open, recent);
        }
        rx += window;
        // The kernel's figure of a connection may be a byte less than it was.
        dump_at_end(table, {connection(1, rx - window % 2, 0), connection(across, 5, 0)});
        moved += 3 + (window > 1 ? 6 : 0) + 5;
        for (const Flow& flow : table.flows()) {
            sum += *flow.rx_bytes;
        }
        CHECK(table.flows().size() <= 4);
        CHECK(table.missing().empty());
        table.next_window(complete);
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

std::vector<Flow> flows_of(const UdpSockets& sockets, bool silent)
{
    std::vector<Flow> flows;
    sockets.add_to(flows, silent);
    return flows;
}

} // namespace

TEST_CASE("a UDP socket that both dumps show is one flow")
{
    UdpSockets sockets;
    CHECK(sockets.flows().empty());
    sockets.add(udp_socket(1));
    sockets.add(udp_socket(2));
    sockets.add(udp_socket(1));
    CHECK(sockets.flows().size() == 2);
    const auto flows = flows_of(sockets, false);
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].inode == Inode{1001});
    CHECK(flows[0].uid == Uid{1000});
    CHECK(flows[1].cookie == Cookie{2});
}

TEST_CASE("bytes of UDP sockets are unknown, never 0, unless no datagram moved at all")
{
    for (const bool silent : {false, true}) {
        UdpSockets sockets;
        sockets.add(udp_socket(1));
        const auto flows = flows_of(sockets, silent);
        REQUIRE(flows.size() == 1);
        CHECK(flows[0].rx_bytes == (silent ? std::optional<std::uint64_t>(0) : std::nullopt));
        CHECK(flows[0].tx_bytes == flows[0].rx_bytes);
    }
}

TEST_CASE("the next window has the UDP sockets of the last dump")
{
    UdpSockets sockets;
    sockets.begin_dump();
    sockets.add(udp_socket(1));
    sockets.add(udp_socket(2));
    sockets.begin_dump();
    sockets.add(udp_socket(2));
    sockets.add(udp_socket(3));
    CHECK(flows_of(sockets, false).size() == 3);
    sockets.next_window();
    const auto flows = flows_of(sockets, false);
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].cookie == Cookie{2});
    CHECK(flows[1].cookie == Cookie{3});
    sockets.begin_dump();
    sockets.next_window();
    CHECK(sockets.flows().empty());
}
