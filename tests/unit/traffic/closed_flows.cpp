// SPDX-License-Identifier: MIT
// Sums of connections that closed in the window.
#include "traffic/netlink/new_connections.hpp"

#include "fixture_proc.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace socktally;
using namespace socktally::test;

namespace {

Flow closed(std::uint64_t inode, std::uint64_t rx, const char* remote = "10.0.0.2", std::uint16_t local_port = 40000)
{
    Flow result = flow(rx, 0);
    result.inode = Inode{inode};
    result.tuple.local.port = local_port;
    result.tuple.remote.address = address(remote);
    result.state = SocketState::closed;
    return result;
}

Flow accepted(Flow flow)
{
    flow.accepted = true;
    return flow;
}

/// One sum a line: its owner, its sockets and bytes, and where they went.
std::string text_of(ClosedFlows& sums)
{
    std::vector<Flow> flows;
    sums.move_to(flows);
    std::string text;
    for (const Flow& flow : flows) {
        const std::string owner = flow.attribution.process ? fmt::format("process {}", *flow.attribution.process)
                                  : flow.inode != Inode{}  ? fmt::format("inode {}", flow.inode.value)
                                                           : "nobody";
        text += fmt::format("{}: {} sockets, {} bytes", owner, flow.sockets, *flow.rx_bytes);
        if (flow.tuple != Tuple{}) {
            text += fmt::format(", {}:{} > {}:{}", to_string(flow.tuple.local.address), flow.tuple.local.port,
                                to_string(flow.tuple.remote.address), flow.tuple.remote.port);
        }
        text += '\n';
    }
    return text;
}

} // namespace

TEST_CASE("closed connections are summed by what is asked for, and by owners")
{
    FixtureProc proc;
    proc.apply("process 5000001 100 0 one\n"
               "fd 3 socket:[11]\n"
               "fd 4 socket:[12]\n"
               "fd 5 socket:[21]\n"
               "fd 6 socket:[22]\n"
               "process 5000002 200 0 two\n"
               "fd 5 socket:[21]\n"
               "fd 6 socket:[22]\n");
    OwnerScanner owners(proc.root());
    owners.scan();
    struct Case {
        ClosedFlows::Sums by;
        std::vector<Flow> flows;
        std::vector<std::uint64_t> kept; // inodes that stand for the owners of a sum
        std::string_view told;
    };
    constexpr auto by_owner = ClosedFlows::Sums::by_owner;
    constexpr auto by_service = ClosedFlows::Sums::by_service;
    constexpr auto by_peer = ClosedFlows::Sums::by_peer;
    const Case cases[] = {
        {by_owner,
         {closed(11, 5), closed(12, 7, "10.0.0.3"), closed(11, 0)},
         {},
         "process 0: 2 sockets, 12 bytes\nprocess 0: 1 sockets, 0 bytes\n"},
        {by_owner, {closed(21, 5), closed(22, 7)}, {21}, "inode 21: 2 sockets, 12 bytes\n"},
        {by_owner, {closed(0, 5), closed(99, 7)}, {}, "nobody: 2 sockets, 12 bytes\n"},
        {by_service,
         {accepted(closed(11, 5)), accepted(closed(12, 7, "10.0.0.3", 80)), closed(0, 1), closed(0, 2, "10.0.0.3"),
          accepted(closed(0, 3)), accepted(closed(99, 4, "10.0.0.3")), accepted(closed(0, 8, "10.0.0.2", 80))},
         {},
         "nobody: 2 sockets, 3 bytes\n"
         "nobody: 1 sockets, 8 bytes, 10.0.0.1:80 > :0\n"
         "nobody: 2 sockets, 7 bytes, 10.0.0.1:40000 > :0\n"
         "process 0: 2 sockets, 12 bytes\n"},
        {by_peer,
         {closed(11, 5), closed(12, 7, "10.0.0.2", 40001), closed(11, 1, "10.0.0.3")},
         {},
         "process 0: 2 sockets, 12 bytes, 10.0.0.1:0 > 10.0.0.2:443\n"
         "process 0: 1 sockets, 1 bytes, 10.0.0.1:0 > 10.0.0.3:443\n"},
        {by_peer,
         {accepted(closed(11, 5)), accepted(closed(11, 7, "10.0.0.2", 80))},
         {},
         "process 0: 1 sockets, 7 bytes, 10.0.0.1:80 > 10.0.0.2:0\n"
         "process 0: 1 sockets, 5 bytes, 10.0.0.1:40000 > 10.0.0.2:0\n"},
    };
    for (const Case& each : cases) {
        CAPTURE(each.told);
        ClosedFlows sums(each.by);
        std::vector<std::uint64_t> kept;
        for (const Flow& flow : each.flows) {
            if (sums.add(flow, Inode{1}, owners)) {
                kept.push_back(flow.inode.value);
            }
        }
        CHECK(kept == each.kept);
        CHECK(text_of(sums) == each.told);
        CHECK(text_of(sums).empty());
    }
}
