// SPDX-License-Identifier: MIT
#include "traffic/attribution.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr Viewer all_seeing = {Uid{0}, false};
constexpr Viewer denied = {Uid{1000}, true};

Flow socket_flow(std::uint64_t inode, SocketState state = SocketState::open, std::optional<Uid> uid = std::nullopt)
{
    Flow result = flow(10, 0);
    result.inode = Inode{inode};
    result.state = state;
    result.uid = uid;
    return result;
}

Attribution attributed(Flow flow, const Viewer& viewer)
{
    Sample sample;
    sample.processes = {process(7, 1, "curl")};
    sample.holders = {{Inode{1}, 0}};
    sample.flows = {std::move(flow)};
    attribute(sample, viewer);
    return sample.flows.front().attribution;
}

} // namespace

TEST_CASE("the one process that holds a socket owns its flow, whatever became of the socket")
{
    for (const auto state : {SocketState::open, SocketState::orphaned, SocketState::time_wait, SocketState::closed}) {
        const Attribution result = attributed(socket_flow(1, state), all_seeing);
        CHECK(result.process == 0U);
        CHECK(result.cause == Cause::none);
        CHECK(result.quality == Quality::owner);
    }
}

TEST_CASE("a flow without holder gets the cause, never a guess")
{
    const auto cause = [](const Flow& flow, const Viewer& viewer) {
        const Attribution result = attributed(flow, viewer);
        CHECK(!result.process);
        CHECK(result.quality == Quality::unknown);
        return result.cause;
    };
    CHECK(cause(socket_flow(2, SocketState::time_wait), all_seeing) == Cause::time_wait);
    CHECK(cause(socket_flow(0, SocketState::time_wait), denied) == Cause::time_wait);
    CHECK(cause(socket_flow(2, SocketState::closed), all_seeing) == Cause::exited);
    CHECK(cause(socket_flow(0, SocketState::orphaned), all_seeing) == Cause::exited);
    CHECK(cause(socket_flow(0), all_seeing) == Cause::unaccepted);
    CHECK(cause(socket_flow(2), all_seeing) == Cause::unknown);
    CHECK(cause(socket_flow(2, SocketState::open, Uid{33}), denied) == Cause::other_user);
    CHECK(cause(socket_flow(2, SocketState::open, Uid{1000}), denied) == Cause::unknown);
    CHECK(cause(socket_flow(2, SocketState::open, std::nullopt), denied) == Cause::unknown);
    CHECK(cause(socket_flow(2, SocketState::open, Uid{33}), all_seeing) == Cause::unknown);
}

TEST_CASE("capabilities are no remedy for root")
{
    const auto remedy = [](const Viewer& viewer) {
        Sample sample;
        sample.flows = {socket_flow(2)};
        attribute(sample, viewer);
        REQUIRE(sample.notes.size() == 1);
        CHECK(sample.notes[0].code == NoteCode::owners_denied);
        return sample.notes[0].remedy;
    };
    CHECK(remedy(denied).starts_with("run with sudo"));
    CHECK(remedy({Uid{0}, true}).empty());
}

TEST_CASE("inode 0 is nobody's, even where a holder claims it")
{
    Sample sample;
    sample.processes = {process(7, 1, "curl")};
    sample.holders = {{Inode{0}, 0}};
    sample.flows = {socket_flow(0)};
    attribute(sample, all_seeing);
    CHECK(!sample.flows[0].attribution.process);
}

TEST_CASE("what the backend knows exactly is left alone")
{
    Sample sample;
    sample.processes = {process(7, 1, "curl"), process(8, 2, "wget")};
    sample.holders = {{Inode{1}, 1}};
    sample.flows = {socket_flow(1)};
    sample.flows[0].attribution = {0U, Cause::none, Quality::exact};
    attribute(sample, all_seeing);
    CHECK(sample.flows[0].attribution.process == 0U);
    CHECK(sample.flows[0].attribution.quality == Quality::exact);
}

TEST_CASE("a socket of several processes is shown at the youngest, and a note says so once")
{
    Sample sample;
    sample.processes = {process(50, 300, "old"), process(9, 500, "young"), process(40, 500, "younger"),
                        process(99, 400, "middle")};
    for (const std::uint32_t holder : {2U, 0U, 3U, 1U, 0U, 2U})
        sample.holders.push_back({Inode{1}, holder});
    sample.holders.push_back({Inode{2}, 3});
    sample.holders.push_back({Inode{2}, 0});
    sample.flows = {socket_flow(1), socket_flow(2)};
    attribute(sample, all_seeing);
    CHECK(sample.flows[0].attribution.process == 2U); // same start as pid 9, larger pid
    CHECK(sample.flows[0].attribution.quality == Quality::shared);
    CHECK(sample.flows[1].attribution.process == 3U);
    REQUIRE(sample.notes.size() == 1);
    CHECK(sample.notes[0].code == NoteCode::shared_sockets);
    CHECK(sample.notes[0].message.rfind("2 sockets", 0) == 0);
    CHECK(sample.notes[0].incomplete);
    CHECK_FALSE(is_complete(sample.notes));
}

TEST_CASE("a shared socket that moved nothing, or nobody knows what, is no reason for a note")
{
    for (const auto& bytes : {std::optional<std::uint64_t>(0), std::optional<std::uint64_t>()}) {
        Sample sample;
        sample.processes = {process(1, 1, "a"), process(2, 2, "b")};
        sample.holders = {{Inode{1}, 0}, {Inode{1}, 1}};
        sample.flows = {socket_flow(1)};
        sample.flows[0].rx_bytes = bytes;
        attribute(sample, all_seeing);
        CHECK(sample.flows[0].attribution.quality == Quality::shared);
        CHECK(sample.notes.empty());
    }
}

TEST_CASE("two descriptors of one process are one owner")
{
    Sample sample;
    sample.processes = {process(1, 1, "a")};
    sample.holders = {{Inode{1}, 0}, {Inode{3}, 0}, {Inode{1}, 0}};
    sample.flows = {socket_flow(1), socket_flow(3)};
    attribute(sample, all_seeing);
    CHECK(sample.flows[0].attribution.quality == Quality::owner);
    CHECK(sample.flows[1].attribution.quality == Quality::owner);
    CHECK(sample.notes.empty());
}

TEST_CASE("each of many flows finds its own holder")
{
    Sample sample;
    constexpr std::uint32_t count = 5000;
    for (std::uint32_t i = 0; i < count; ++i) {
        sample.processes.push_back(process(static_cast<int>(i), i, "p"));
        sample.flows.push_back(socket_flow(i + 1));
        sample.holders.push_back({Inode{(i * 7919ULL) % count + 1}, (i * 7919U) % count});
    }
    attribute(sample, all_seeing);
    std::uint32_t right = 0;
    for (std::uint32_t i = 0; i < count; ++i)
        right += sample.flows[i].attribution.process == i ? 1U : 0U;
    CHECK(right == count);
}

TEST_CASE("what was matched by its port alone is inherited, unless several hold the socket")
{
    Sample sample;
    sample.processes = {process(1, 10, "dns"), process(2, 20, "worker")};
    sample.holders = {{Inode{7}, 0}, {Inode{8}, 0}, {Inode{8}, 1}};
    for (const std::uint64_t inode : {7U, 8U}) {
        Flow& matched = sample.flows.emplace_back(flow(1, 1));
        matched.inode = Inode{inode};
        matched.match = Quality::inherited;
    }
    attribute(sample, {Uid{0}, false});
    CHECK(sample.flows[0].attribution.process == 0U);
    CHECK(sample.flows[0].attribution.quality == Quality::inherited);
    CHECK(sample.flows[1].attribution.process == 1U);
    CHECK(sample.flows[1].attribution.quality == Quality::shared);
    REQUIRE(sample.notes.size() == 1);
    CHECK(sample.notes[0].code == NoteCode::shared_sockets);
    CHECK(sample.notes[0].message.starts_with("1 socket "));
}

TEST_CASE("of several holders those that are idle own the socket as well, but moved no bytes")
{
    Sample sample;
    sample.processes = {process(7, 1, "sshd"), process(8, 2, "session"), process(9, 3, "shell")};
    sample.holders = {{Inode{1}, 2, true, true}, {Inode{1}, 0, true, true}, {Inode{1}, 1}};
    sample.flows = {socket_flow(1)};
    attribute(sample, all_seeing);
    CHECK(sample.flows[0].attribution.process == 1U);
    CHECK(sample.flows[0].attribution.quality == Quality::owner);
    find_sharers(sample);
    CHECK(sample.sharers.at(0) == std::vector<std::uint32_t>{0, 2});
}

TEST_CASE("who shares a socket: its other holders, or the others that moved bytes through it")
{
    Sample sample;
    sample.processes = {process(7, 1, "a"), process(8, 2, "b"), process(9, 3, "c")};
    sample.holders = {{Inode{1}, 0}, {Inode{1}, 1}, {Inode{2}, 0}};
    const auto moved = [](std::uint32_t by, std::uint64_t cookie) {
        Flow result = owned_flow(by, 1, 1);
        result.attribution.quality = Quality::exact;
        result.cookie = Cookie{cookie};
        return result;
    };
    sample.flows = {socket_flow(1), socket_flow(2), socket_flow(3), moved(0, 77), moved(2, 77),
                    moved(1, 78),   moved(0, 0),    moved(1, 0),    moved(2, 77)}; // with another peer
    attribute(sample, all_seeing);
    find_sharers(sample);
    CHECK(sample.sharers == std::map<std::size_t, std::vector<std::uint32_t>>{{0, {0}}, {3, {2}}, {4, {0}}, {8, {0}}});
    const auto by_process = group(sample, {}, GroupBy("process"), false);
    REQUIRE(by_process.size() == 4); // one is nobody's
    const auto row = std::find_if(by_process.begin(), by_process.end(), [](const Row& r) { return r.pid == Pid{7}; });
    CHECK(row->shared_with == std::vector<Sharer>{{Pid{9}, "c"}});
    const auto all = group(sample, {}, GroupBy("protocol"), false);
    CHECK(all.at(0).shared_with == std::vector<Sharer>{{Pid{7}, "a"}, {Pid{9}, "c"}});
}
