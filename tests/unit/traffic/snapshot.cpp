// SPDX-License-Identifier: MIT
// Snapshots one after another: what moved between them, and what of that is unknown.
#include "traffic/snapshot.hpp"

#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <utility>
#include <vector>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr Inode home{100};
constexpr Inode container{200};

/// Of a connection that has received and sent so many bytes, one a segment.
SocketCounters counters(std::uint64_t rx, std::uint64_t tx = 0)
{
    return {{rx, tx}, rx, tx, static_cast<std::uint32_t>(rx), static_cast<std::uint32_t>(tx)};
}

/// The payload may seem to go back a byte, and the segments do not.
SocketCounters without_segments(std::uint64_t rx, std::uint64_t tx) { return {{rx, tx}, rx, tx}; }

Flow socket_of(std::uint64_t cookie, std::uint64_t rx, std::uint64_t tx, Inode netns = home)
{
    Flow result = flow(rx, tx);
    result.cookie = Cookie{cookie};
    result.netns = netns;
    return result;
}

/// What is known of the time between two snapshots, less what is not: closed, missed, restarted, unknown, late,
/// nameless.
using Gaps = std::vector<std::uint64_t>;
const Gaps none(6);

class Runs {
public:
    /// What was moved, by the flows of the sample.
    std::vector<Flow> run(std::vector<Flow> flows)
    {
        Snapshot after{opens, left_out, saw_all && left_out.empty(), {}, {}};
        for (const Flow& flow : flows) {
            if (flow.rx_bytes) {
                after.sockets.try_emplace({flow.netns, flow.cookie},
                                          Snapshot::Socket{without_segments(*flow.rx_bytes, *flow.tx_bytes),
                                                           flow.tuple.remote, flow.state == SocketState::orphaned});
            }
        }
        const SnapshotGaps found = subtract(before ? &*before : nullptr, after, flows, wanted);
        gaps = {found.closed, found.missed, found.restarted, found.unknown, found.late, found.nameless};
        before = std::move(after);
        return flows;
    }

    std::map<Inode, OpenCounts> opens{{home, {.opened = 1000}}};
    std::vector<Inode> left_out;
    bool saw_all = true;
    std::vector<Inode> wanted;
    std::optional<Snapshot> before;
    Gaps gaps;
};

} // namespace

TEST_CASE("counters: what is a restart, and what moved otherwise")
{
    constexpr std::uint64_t much = (std::uint64_t{1} << 40) + 5;
    const auto with_segments = [](SocketCounters counters, std::uint32_t in, std::uint32_t out) {
        counters.segs_in = in;
        counters.segs_out = out;
        return counters;
    };
    struct Case {
        std::string_view what;
        SocketCounters before;
        SocketCounters after;
        std::optional<TcpPayload> moved; // null: a restart
    };
    SocketCounters unread = counters(1700);
    unread.payload.rx_bytes = 1000;
    const Case cases[] = {
        {"more", counters(100, 200), counters(150, 1200), TcpPayload{50, 1000}},
        {"less received", counters(5000), counters(4990), std::nullopt},
        {"less sent", counters(0, 5000), counters(0, 10), std::nullopt},
        {"a byte less: a FIN", counters(100, 200), with_segments(counters(99, 199), 100, 200), TcpPayload{0, 0}},
        {"read, and then not: the queue was measured first", counters(1700), unread, TcpPayload{0, 0}},
        {"fewer segments in", counters(100, 200), with_segments(counters(5000, 6000), 3, 6000), std::nullopt},
        {"fewer segments out", counters(100, 200), with_segments(counters(5000, 6000), 5000, 3), std::nullopt},
        {"segments wrapped", with_segments(counters(100, 200), 0xfffffff0, 0xfffffff0),
         with_segments(counters(150, 260), 0x10, 0x10), TcpPayload{50, 60}},
        {"segments wrapped far behind", with_segments(counters(100), 0x40000000, 0),
         with_segments(counters(much), 0x10000000, 0), TcpPayload{much - 100, 0}},
        {"segments far behind, and little moved", with_segments(counters(100), 0x40000000, 0),
         with_segments(counters(150), 0x10000000, 0), std::nullopt},
    };
    for (const Case& each : cases) {
        CAPTURE(each.what);
        SocketCounters after = each.after;
        CHECK(have_restarted(each.before, after) == !each.moved);
        if (each.moved) {
            CHECK(subtract(each.before, after) == *each.moved);
            CHECK(after.payload.rx_bytes >= each.before.payload.rx_bytes);
        }
    }
}

TEST_CASE("counters: connections that no list has shown")
{
    struct Case {
        OpenCounts before;
        OpenCounts after;
        std::uint64_t shown;
        std::uint64_t missed;
        std::uint64_t ahead;
    };
    for (const Case& each : {Case{{10, 2}, {20, 5}, 2, 5, 0}, Case{{10, 2}, {20, 5}, 7, 0, 0},
                             Case{{10, 2}, {20, 5}, 9, 0, 2}, Case{{10, 0, 1}, {12, 0}, 0, 1, 0}}) {
        OpenCounts after = each.after;
        CHECK(missed_connections(each.before, after, each.shown) == each.missed);
        CHECK(after.ahead == each.ahead);
    }
}

TEST_CASE("snapshots: the first has totals, the next what came on top; a new socket counts whole")
{
    Runs runs;
    CHECK(runs.run({socket_of(1, 500, 70)}).front().rx_bytes == 500);
    CHECK(runs.gaps == none);
    ++runs.opens[home].opened;
    const auto flows = runs.run({socket_of(1, 530, 71), socket_of(2, 9, 8)});
    CHECK(flows[0].rx_bytes == 30);
    CHECK(flows[0].tx_bytes == 1);
    CHECK(flows[1].rx_bytes == 9);
    CHECK(flows[1].tx_bytes == 8);
    CHECK(runs.gaps == none);
}

TEST_CASE("snapshots: a step back of a byte counts no byte again")
{
    Runs runs;
    std::uint64_t sum = 0;
    for (const std::uint64_t rx : {100U, 201U, 200U, 199U, 200U, 203U}) {
        sum += runs.run({socket_of(1, rx, 0)}).front().rx_bytes.value();
    }
    CHECK(sum == 203);
    CHECK(runs.gaps == none);
}

TEST_CASE("snapshots: counters that restarted are those of a new connection")
{
    Runs runs;
    runs.run({socket_of(1, 1'000'000, 50)});
    ++runs.opens[home].opened;
    SUBCASE("with the same peer") { CHECK(runs.run({socket_of(1, 10, 60)}).front().rx_bytes == 10); }
    SUBCASE("with another peer, past where they had been")
    {
        Flow flow = socket_of(1, 2'000'000, 60);
        flow.tuple.remote = endpoint("10.0.0.3", 80);
        CHECK(runs.run({flow}).front().rx_bytes == 2'000'000);
    }
    CHECK(runs.gaps == Gaps{0, 0, 1, 0, 0, 0});
}

TEST_CASE("snapshots: a socket connected to the same place again, past where it was, is noticed by the kernel's count")
{
    Runs runs;
    runs.run({socket_of(1, 10, 10)});
    ++runs.opens[home].opened;
    CHECK(runs.run({socket_of(1, 25, 10)}).front().rx_bytes == 15); // 25, and what it had moved past 10 before
    CHECK(runs.gaps == Gaps{0, 1, 0, 0, 0, 0});
}

TEST_CASE("snapshots: the last bytes of a closed socket are unknown, once, unless its process had closed it before")
{
    Runs runs;
    Flow orphan = socket_of(3, 5, 5);
    orphan.state = SocketState::orphaned;
    runs.run({socket_of(1, 5, 5), socket_of(2, 5, 5), orphan});
    runs.run({socket_of(2, 5, 5)});
    CHECK(runs.gaps == Gaps{1, 0, 0, 0, 0, 0});
    runs.run({socket_of(2, 5, 5)});
    CHECK(runs.gaps == none);
}

TEST_CASE("snapshots: a socket that a list has missed twice is not new when it is there again; then it is given up")
{
    Runs runs;
    runs.run({socket_of(1, 1000, 0)});
    runs.run({});
    runs.run({});
    CHECK(runs.before->sockets.size() == 1);
    SUBCASE("there again")
    {
        CHECK(runs.run({socket_of(1, 1001, 0)}).front().rx_bytes == 1);
        CHECK(runs.gaps == Gaps{0, 0, 0, 0, 1, 0});
        CHECK(runs.before->sockets.begin()->second.missed == 0);
    }
    SUBCASE("gone")
    {
        runs.run({});
        CHECK(runs.before->sockets.empty());
    }
}

TEST_CASE("snapshots: unknown bytes stay unknown, and a socket shown twice counts once")
{
    Runs runs;
    runs.run({socket_of(1, 10, 10)});
    Flow udp = flow(std::nullopt, std::nullopt);
    udp.tuple.protocol = Protocol::udp;
    const auto flows = runs.run({socket_of(1, 15, 10), socket_of(1, 16, 10), udp, socket_of(0, 7, 7)});
    CHECK(flows[0].rx_bytes == 5);
    CHECK(flows[1].rx_bytes == 0);
    CHECK_FALSE(flows[2].rx_bytes.has_value());
    CHECK_FALSE(flows[3].rx_bytes.has_value()); // no cookie: it could not be told the next time
    CHECK(runs.gaps == Gaps{0, 0, 0, 0, 0, 1});
}

TEST_CASE("snapshots: connections that began and ended in between are counted by the kernel alone")
{
    Runs runs;
    runs.run({});
    runs.opens[home] = {1010, 3}; // 10 opened, 3 of them in vain, 2 to be seen
    runs.run({socket_of(1, 1, 1), socket_of(2, 1, 1)});
    CHECK(runs.gaps == Gaps{0, 5, 0, 0, 0, 0});
    runs.run({socket_of(1, 1, 1), socket_of(2, 1, 1)});
    CHECK(runs.gaps == none);
}

TEST_CASE("snapshots: a connection that was opened between the count and the list is no missed one's alibi")
{
    Runs runs;
    runs.run({});
    runs.run({socket_of(1, 1, 1)}); // not in the count yet
    CHECK(runs.gaps == none);
    runs.opens[home].opened += 2; // it, and one that is gone
    runs.run({socket_of(1, 1, 1)});
    CHECK(runs.gaps == Gaps{0, 1, 0, 0, 0, 0});
}

TEST_CASE("snapshots: the same cookie in another namespace is another socket")
{
    Runs runs;
    runs.opens[container].opened = 7;
    runs.run({socket_of(1, 100, 0), socket_of(1, 50, 0, container)});
    const auto flows = runs.run({socket_of(1, 101, 0), socket_of(1, 52, 0, container)});
    CHECK(flows[0].rx_bytes == 1);
    CHECK(flows[1].rx_bytes == 2);
}

TEST_CASE("snapshots: namespaces that are new, replaced or gone")
{
    Runs runs;
    SUBCASE("new: what began and ended there is missed too")
    {
        runs.run({});
        runs.opens[container].opened = 3;
        CHECK(runs.run({socket_of(1, 100, 0, container)}).front().rx_bytes == 100);
        CHECK(runs.gaps == Gaps{0, 2, 0, 0, 0, 0});
    }
    SUBCASE("replaced: one with the number of another that is gone has only new sockets")
    {
        runs.opens[container].opened = 700;
        runs.run({socket_of(1, 100, 0, container)});
        runs.opens[container].opened = 1;
        CHECK(runs.run({socket_of(1, 120, 0, container)}).front().rx_bytes == 120);
        CHECK(runs.gaps == none);
    }
    SUBCASE("gone: it takes its sockets along")
    {
        runs.opens[container].opened = 7;
        runs.run({socket_of(1, 100, 0, container)});
        runs.opens.erase(container);
        runs.run({});
        CHECK(runs.gaps == Gaps{1, 0, 0, 0, 0, 0});
        CHECK(runs.before->opens.count(container) == 0);
    }
}

TEST_CASE("snapshots: what moved in a namespace that was never listed before is unknown at first")
{
    Runs runs;
    SUBCASE("it could not be entered") { runs.left_out = {container}; }
    SUBCASE("nothing is known of it") { runs.saw_all = false; }
    runs.run({});
    runs.left_out = {};
    runs.saw_all = true;
    runs.opens[container].opened = 7;
    CHECK_FALSE(runs.run({socket_of(1, 100, 0, container)}).front().rx_bytes.has_value());
    CHECK(runs.gaps == Gaps{0, 0, 0, 1, 0, 0});
    CHECK(runs.run({socket_of(1, 101, 0, container)}).front().rx_bytes == 1);
    CHECK(runs.gaps == none);
}

TEST_CASE("snapshots: a namespace that could not be listed loses nothing, and counts nothing twice")
{
    Runs runs;
    runs.opens[container].opened = 7;
    runs.run({socket_of(1, 100, 0, container), socket_of(2, 100, 0, container)});
    runs.opens.erase(container);
    runs.left_out = {container};
    for (int run = 0; run < 4; ++run) { // longer than a socket that a list has missed is kept
        runs.run({});
        CHECK(runs.gaps == none); // what could not be entered is the backend's to say
    }
    runs.left_out.clear();
    runs.opens[container].opened = 9;
    const auto flows = runs.run({socket_of(1, 130, 0, container), socket_of(3, 5, 0, container)});
    CHECK(flows[0].rx_bytes == 30);
    CHECK(flows[1].rx_bytes == 5); // opened since it was last listed
    CHECK(runs.gaps == Gaps{1, 1, 0, 0, 1, 0});
    CHECK(runs.run({socket_of(1, 131, 0, container), socket_of(3, 5, 0, container)}).front().rx_bytes == 1);
    CHECK(runs.gaps == none);
}

TEST_CASE("snapshots: gaps are those of the namespaces that are wanted")
{
    Runs runs;
    runs.opens[container].opened = 7;
    runs.wanted = {home};
    runs.run({socket_of(1, 100, 0, container), socket_of(2, 100, 0, container)});
    runs.opens[container].opened += 10;
    runs.run({socket_of(1, 1, 0, container)});
    CHECK(runs.gaps == none);
    runs.opens[home].opened += 10;
    runs.run({});
    CHECK(runs.gaps == Gaps{0, 10, 0, 0, 0, 0});
}

namespace {

InterfaceTraffic interface(const char* name, std::uint32_t index, std::uint64_t rx, std::uint64_t packets = 0)
{
    InterfaceTraffic result{name, rx, 0, packets, 0};
    result.index = index;
    return result;
}

class InterfaceRuns {
public:
    /// What the interfaces moved: received bytes and packets.
    using Moved = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
    Moved run(std::vector<InterfaceTraffic> counters)
    {
        sample = {};
        sample.interfaces = std::move(counters);
        before = subtract(before, sample);
        Moved moved;
        for (const InterfaceTraffic& each : sample.interfaces) {
            moved.emplace_back(each.rx_bytes, each.rx_packets);
        }
        return moved;
    }
    bool has_one_note(NoteCode code) const
    {
        return sample.notes.size() == 1 && sample.notes[0].code == code && sample.notes[0].incomplete &&
               sample.notes[0].about == Note::About::window;
    }

    Sample sample;
    InterfaceCounters before;
};

using Moved = InterfaceRuns::Moved;

} // namespace

TEST_CASE("interfaces: totals at first, then what came on top, whatever they are called")
{
    InterfaceRuns runs;
    CHECK(runs.run({interface("eth0", 2, 100, 5)}) == Moved{{100, 5}});
    CHECK(runs.run({interface("eth0", 2, 150, 6)}) == Moved{{50, 1}});
    CHECK(runs.run({interface("eth0", 3, 120), interface("wan", 2, 180, 7)}) == Moved{{120, 0}, {30, 1}});
    CHECK(runs.run({}).empty());
    CHECK(runs.run({interface("wan", 4, 200)}) == Moved{{200, 0}}); // made anew
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("interfaces: where the index is not known, the name tells them apart")
{
    InterfaceRuns runs;
    runs.run({interface("eth0", 0, 100), interface("eth1", 0, 200)});
    CHECK(runs.run({interface("eth1", 0, 201), interface("eth2", 0, 7), interface("eth0", 0, 102)}) ==
          Moved{{1, 0}, {7, 0}, {2, 0}});
}

TEST_CASE("interfaces: counters that fell count from 0, and a note says so")
{
    for (const auto& fallen : {interface("eth0", 2, 30, 11), interface("eth0", 2, 2000, 1)}) {
        InterfaceRuns runs;
        runs.run({interface("eth0", 2, 1000, 10)});
        CHECK(runs.run({fallen}) == Moved{{fallen.rx_bytes, fallen.rx_packets}});
        CHECK(runs.has_one_note(NoteCode::counters_reset));
        CHECK(runs.run({fallen}) == Moved{{0, 0}});
        CHECK(runs.sample.notes.empty());
    }
}

TEST_CASE("interfaces: one that was elsewhere does not count its whole life")
{
    InterfaceRuns runs;
    runs.run({interface("eth0", 2, 10), interface("eth1", 3, 1'000'000)});
    runs.run({interface("eth0", 2, 10)});
    CHECK(runs.run({interface("eth0", 2, 11), interface("eth1", 3, 1'000'500)}) == Moved{{1, 0}});
    CHECK(runs.has_one_note(NoteCode::unseen_before));
    CHECK(runs.run({interface("eth0", 2, 11), interface("eth1", 3, 1'000'700)}) == Moved{{0, 0}, {200, 0}});
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("snapshots: retransmitted bytes are those since the last one, if they are kept")
{
    const auto totals = [](std::uint64_t cookie, std::uint64_t retransmitted) {
        Flow flow = socket_of(cookie, 500, 70);
        SocketFacts facts;
        facts.state = ConnectionState::established;
        facts.retransmitted_bytes = retransmitted;
        flow.facts = std::make_shared<const SocketFacts>(facts);
        return flow;
    };
    const auto snapshot_of = [](const std::vector<Flow>& flows) {
        Snapshot snapshot{{{home, {.opened = 1000}}}, {}, true, {}, {}};
        for (const Flow& flow : flows) {
            SocketCounters counters = ::counters(500, 70);
            counters.bytes_retrans = flow.facts->retransmitted_bytes.value();
            snapshot.sockets.try_emplace({flow.netns, flow.cookie}, Snapshot::Socket{counters, flow.tuple.remote});
        }
        return snapshot;
    };
    std::vector<Flow> flows{totals(1, 100)};
    Snapshot before = snapshot_of(flows);
    subtract(nullptr, before, flows, {});
    CHECK(flows[0].facts->retransmitted_bytes == 100U);

    flows = {totals(1, 130), totals(2, 40), totals(2, 40)};
    Snapshot after = snapshot_of(flows);
    subtract(&before, after, flows, {});
    CHECK(flows[0].facts->retransmitted_bytes == 30U);
    CHECK(flows[0].facts->state == ConnectionState::established);
    CHECK(flows[1].facts->retransmitted_bytes == 40U); // opened since
    CHECK(flows[2].facts->retransmitted_bytes == 0U);  // listed twice

    flows = {totals(1, 130)};
    flows[0].cookie = {};
    after = {};
    subtract(&before, after, flows, {});
    CHECK(!flows[0].facts->retransmitted_bytes);
}
