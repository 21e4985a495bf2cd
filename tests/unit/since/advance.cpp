// SPDX-License-Identifier: MIT
#include "since/advance.hpp"

#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr Inode home{100};
constexpr Inode container{200};

Flow socket_of(std::uint64_t cookie, std::uint64_t rx, std::uint64_t tx, Inode netns = home)
{
    Flow result = flow(rx, tx);
    result.cookie = Cookie{cookie};
    result.netns = netns;
    return result;
}

/// Runs, a minute each, of a machine that boots at 0.
class Runs {
public:
    /// What was moved, by the flows of the sample.
    std::vector<Flow> run(std::vector<Flow> flows)
    {
        now.boot_id = "0f3c";
        now.netns = home;
        now.uptime += std::chrono::minutes(1);
        sample = {};
        sample.started_at = std::chrono::system_clock::time_point(now.uptime);
        sample.flows = std::move(flows);
        before = advance(before, now, sample);
        return sample.flows;
    }
    const Note* note(NoteCode code) const
    {
        const auto found = std::find_if(sample.notes.begin(), sample.notes.end(),
                                        [&](const Note& candidate) { return candidate.code == code; });
        return found == sample.notes.end() ? nullptr : &*found;
    }

    std::uint64_t& opened(Inode netns) { return now.listed.counters[netns].tcp_opens; }

    Moment now{"", {}, {}, {{{home, {.tcp_opens = 1000}}}}};
    std::optional<Baseline> before;
    Sample sample;
};

} // namespace

TEST_CASE("since: the first run has totals, the next what came on top")
{
    Runs runs;
    CHECK(runs.run({socket_of(1, 500, 70)}).front().rx_bytes == 500);
    CHECK(runs.sample.duration.count() == 0);
    CHECK(runs.sample.notes.empty());
    const auto flows = runs.run({socket_of(1, 530, 71)});
    CHECK(flows.front().rx_bytes == 30);
    CHECK(flows.front().tx_bytes == 1);
    CHECK(runs.sample.duration == std::chrono::minutes(1));
    CHECK(runs.sample.started_at == std::chrono::system_clock::time_point(std::chrono::minutes(1)));
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("since: a socket that is new counts whole")
{
    Runs runs;
    runs.run({socket_of(1, 500, 70)});
    runs.opened(home) += 1;
    const auto flows = runs.run({socket_of(1, 500, 70), socket_of(2, 9, 8)});
    CHECK(flows[0].rx_bytes == 0);
    CHECK(flows[1].rx_bytes == 9);
    CHECK(flows[1].tx_bytes == 8);
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("since: a step back of a byte is no reset, and no byte is counted again")
{
    Runs runs;
    std::uint64_t sum = 0;
    for (const std::uint64_t rx : {100U, 201U, 200U, 199U, 200U, 203U}) {
        sum += runs.run({socket_of(1, rx, 0)}).front().rx_bytes.value();
    }
    CHECK(sum == 203);
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("since: counters that began anew count from there, and a note says so")
{
    Runs runs;
    runs.run({socket_of(1, 1'000'000, 50)});
    runs.opened(home) += 1;
    SUBCASE("with the same peer") { CHECK(runs.run({socket_of(1, 10, 60)}).front().rx_bytes == 10); }
    SUBCASE("with another peer, past where they had been")
    {
        Flow flow = socket_of(1, 2'000'000, 60);
        flow.tuple.remote = endpoint("10.0.0.3", 80);
        CHECK(runs.run({flow}).front().rx_bytes == 2'000'000);
    }
    REQUIRE(runs.note(NoteCode::counters_reset) != nullptr);
    CHECK(runs.note(NoteCode::counters_reset)->incomplete);
    CHECK(runs.note(NoteCode::connections_missed) == nullptr);
}

TEST_CASE("since: of a closed socket the last bytes are unknown, once")
{
    Runs runs;
    runs.run({socket_of(1, 5, 5), socket_of(2, 5, 5)});
    runs.run({socket_of(2, 5, 5)});
    REQUIRE(runs.note(NoteCode::closed_since) != nullptr);
    CHECK(runs.note(NoteCode::closed_since)->incomplete);
    CHECK(runs.note(NoteCode::closed_since)->message.starts_with("1 connection "));
    runs.run({socket_of(2, 5, 5)});
    CHECK(runs.note(NoteCode::closed_since) == nullptr);
}

TEST_CASE("since: a socket whose process had closed it before has no last bytes")
{
    Runs runs;
    Flow orphan = socket_of(1, 5, 5);
    orphan.state = SocketState::orphaned;
    runs.run({orphan});
    runs.run({});
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("since: a socket that a list has missed is not new when it is there again, and is forgotten in the end")
{
    Runs runs;
    runs.run({socket_of(1, 1000, 0)});
    runs.run({});
    runs.run({});
    CHECK(runs.before->sockets.size() == 1);
    SUBCASE("there again")
    {
        CHECK(runs.run({socket_of(1, 1001, 0)}).front().rx_bytes == 1);
        CHECK(runs.before->sockets.begin()->second.absent == 0);
    }
    SUBCASE("gone")
    {
        runs.run({});
        CHECK(runs.before->sockets.empty());
    }
}

TEST_CASE("since: the same cookie in another namespace is another socket")
{
    Runs runs;
    runs.opened(container) = 7;
    runs.run({socket_of(1, 100, 0), socket_of(1, 50, 0, container)});
    const auto flows = runs.run({socket_of(1, 101, 0), socket_of(1, 52, 0, container)});
    CHECK(flows[0].rx_bytes == 1);
    CHECK(flows[1].rx_bytes == 2);
}

TEST_CASE("since: a namespace with the number of one that is gone has nothing but new sockets")
{
    Runs runs;
    runs.opened(container) = 700;
    runs.run({socket_of(1, 100, 0, container)});
    runs.opened(container) = 1;
    CHECK(runs.run({socket_of(1, 120, 0, container)}).front().rx_bytes == 120);
    CHECK(runs.note(NoteCode::connections_missed) == nullptr);
}

TEST_CASE("since: what moved in a namespace that the run before could not enter is unknown at first")
{
    Runs runs;
    runs.now.listed.all = false;
    runs.run({});
    runs.now.listed.all = true;
    runs.opened(container) = 7;
    CHECK_FALSE(runs.run({socket_of(1, 100, 0, container)}).front().rx_bytes.has_value());
    REQUIRE(runs.note(NoteCode::unseen_before) != nullptr);
    CHECK(runs.run({socket_of(1, 101, 0, container)}).front().rx_bytes == 1);
}

TEST_CASE("since: connections that began and ended between two runs are counted by the kernel alone")
{
    Runs runs;
    runs.run({});
    runs.now.listed.counters[home] = {.tcp_opens = 1010,
                                      .tcp_failures = 3}; // 10 opened, 3 of them in vain, 2 to be seen
    runs.run({socket_of(1, 1, 1), socket_of(2, 1, 1)});
    REQUIRE(runs.note(NoteCode::connections_missed) != nullptr);
    CHECK(runs.note(NoteCode::connections_missed)->message.starts_with("5 connections "));
    runs.run({socket_of(1, 1, 1), socket_of(2, 1, 1)});
    CHECK(runs.note(NoteCode::connections_missed) == nullptr);
}

TEST_CASE("since: a connection that was opened between the count and the list is no missed one's alibi")
{
    Runs runs;
    runs.run({});
    runs.run({socket_of(1, 1, 1)}); // not in the count yet
    CHECK(runs.sample.notes.empty());
    runs.opened(home) += 2; // it, and one that is gone
    runs.run({socket_of(1, 1, 1)});
    REQUIRE(runs.note(NoteCode::connections_missed) != nullptr);
    CHECK(runs.note(NoteCode::connections_missed)->message.starts_with("1 connection "));
}

TEST_CASE("since: unknown bytes stay unknown, and a socket shown twice counts once")
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
    REQUIRE(runs.note(NoteCode::no_counters) != nullptr);
    CHECK(runs.note(NoteCode::no_counters)->incomplete);
}

TEST_CASE("since: a state of another boot, of another namespace or of the future says nothing")
{
    Runs runs;
    runs.run({});
    Moment now = runs.now;
    now.uptime += std::chrono::seconds(1);
    CHECK(why_unfit(*runs.before, now).empty());
    SUBCASE("boot") { now.boot_id = "another"; }
    SUBCASE("namespace") { now.netns = container; }
    SUBCASE("future") { now.uptime = std::chrono::seconds(1); }
    CHECK_FALSE(why_unfit(*runs.before, now).empty());
}

TEST_CASE("since: a namespace that could not be listed loses nothing, and counts nothing twice")
{
    Runs runs;
    runs.opened(container) = 7;
    runs.run({socket_of(1, 100, 0, container), socket_of(2, 100, 0, container)});
    runs.now.listed.counters.erase(container);
    runs.now.listed.left_out = {container};
    runs.now.listed.all = false;
    for (int run = 0; run < 4; ++run) { // longer than one that a list has missed is kept
        runs.run({});
        CHECK(runs.sample.notes.empty()); // what could not be entered is the backend's to say
    }
    runs.now.listed.left_out.clear();
    runs.now.listed.all = true;
    runs.opened(container) = 9;
    const auto flows = runs.run({socket_of(1, 130, 0, container), socket_of(3, 5, 0, container)});
    CHECK(flows[0].rx_bytes == 30);
    CHECK(flows[1].rx_bytes == 5); // opened since it was last listed
    REQUIRE(runs.note(NoteCode::unseen_before) != nullptr);
    CHECK_FALSE(runs.note(NoteCode::unseen_before)->incomplete);
    CHECK(runs.note(NoteCode::unseen_before)->message.starts_with("1 connection "));
    REQUIRE(runs.note(NoteCode::closed_since) != nullptr);
    REQUIRE(runs.note(NoteCode::connections_missed) != nullptr);
    CHECK(runs.note(NoteCode::connections_missed)->message.starts_with("1 connection "));
    CHECK(runs.run({socket_of(1, 131, 0, container), socket_of(3, 5, 0, container)}).front().rx_bytes == 1);
    CHECK(runs.sample.notes.empty());
}

TEST_CASE("since: a namespace that was never listed has unknown figures at first")
{
    Runs runs;
    runs.now.listed.left_out = {container};
    runs.now.listed.all = false;
    runs.run({});
    runs.now.listed.left_out.clear();
    runs.now.listed.all = true;
    runs.opened(container) = 7;
    CHECK_FALSE(runs.run({socket_of(1, 100, 0, container)}).front().rx_bytes.has_value());
    REQUIRE(runs.note(NoteCode::unseen_before) != nullptr);
    CHECK(runs.note(NoteCode::unseen_before)->incomplete);
    CHECK(runs.note(NoteCode::connections_missed) == nullptr);
}

TEST_CASE("since: what began and ended in a namespace that is new is missed too")
{
    Runs runs;
    runs.run({});
    runs.opened(container) = 3;
    CHECK(runs.run({socket_of(1, 100, 0, container)}).front().rx_bytes == 100);
    REQUIRE(runs.note(NoteCode::connections_missed) != nullptr);
    CHECK(runs.note(NoteCode::connections_missed)->message.starts_with("2 connections "));
}

TEST_CASE("since: a namespace that is gone takes its sockets along")
{
    Runs runs;
    runs.opened(container) = 7;
    runs.run({socket_of(1, 100, 0, container)});
    runs.now.listed.counters.erase(container);
    runs.run({});
    CHECK(runs.note(NoteCode::closed_since) != nullptr);
    CHECK(runs.before->opens.count(container) == 0);
}

TEST_CASE(
    "since: a socket connected to the same place once more, and past where it was, is noticed by the kernel's count")
{
    Runs runs;
    runs.run({socket_of(1, 10, 10)});
    runs.opened(home) += 1;
    CHECK(runs.run({socket_of(1, 25, 10)}).front().rx_bytes == 15); // 25, and what it had moved past 10 before
    CHECK_FALSE(is_complete(runs.sample.notes));
}

TEST_CASE("since: notes are about the namespaces that are printed")
{
    Runs runs;
    runs.opened(container) = 7;
    runs.now.wanted = {home};
    runs.run({socket_of(1, 100, 0, container), socket_of(2, 100, 0, container)});
    runs.opened(container) += 10;
    runs.run({socket_of(1, 1, 0, container)});
    CHECK(runs.sample.notes.empty());
    runs.opened(home) += 10;
    runs.run({});
    CHECK(runs.note(NoteCode::connections_missed) != nullptr);
}
