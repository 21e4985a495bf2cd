// SPDX-License-Identifier: MIT
#include "model/interfaces.hpp"
#include "unit/build_sample.hpp"

#include <doctest/doctest.h>

using namespace socktally;
using namespace socktally::test;

namespace {

constexpr std::uint32_t lo = 1;
constexpr std::uint32_t eth0 = 2;
constexpr std::uint32_t eth1 = 3;

constexpr Inode here{4026531840};
constexpr Inode there{4026532000};
constexpr Inode unread{4026532111};

const Machine machine{{{lo, "lo", true, true, {address("127.0.0.1"), address("::1")}},
                       {eth0, "eth0", false, true, {address("10.0.0.1"), address("fd00::1"), address("fe80::1")}},
                       {eth1, "eth1", false, true, {address("192.0.2.1"), address("fe80::1")}}},
                      here,
                      {{there, {address("198.51.100.1"), address("198.51.100.2")}}}};

Flow between(std::string_view local, std::string_view remote, std::uint32_t device = 0)
{
    Flow result = flow(10, 20);
    result.tuple.local = endpoint(local, 5);
    result.tuple.remote = remote.empty() ? Endpoint{} : endpoint(remote, 80);
    result.interface = device;
    return result;
}

std::uint32_t interface_between(std::string_view local, std::string_view remote, std::uint32_t device = 0)
{
    return interface_of(between(local, remote).tuple, device, machine);
}

Filter on(const std::vector<std::uint32_t>& interfaces)
{
    Filter filter;
    for (const std::uint32_t index : interfaces) {
        filter.add(*find_filter_kind("interface"), {"", FilterValue::Numbers{index, index}});
    }
    filter.machine = machine;
    return filter;
}

} // namespace

TEST_CASE("a socket uses the device that it is bound to, else the one with its address")
{
    CHECK(interface_between("10.0.0.1", "203.0.113.9") == eth0);
    CHECK(interface_between("fd00::1", "2001:db8::9") == eth0);
    CHECK(interface_between("192.0.2.1", "") == eth1);
    CHECK(interface_between("10.0.0.1", "203.0.113.9", eth1) == eth1);
    CHECK(interface_between("0.0.0.0", "", eth1) == eth1);
}

TEST_CASE("what stays on this machine goes through lo")
{
    CHECK(interface_between("127.0.0.1", "127.0.0.1") == lo);
    CHECK(interface_between("127.0.0.53", "") == lo);
    CHECK(interface_between("10.0.0.1", "10.0.0.1") == lo);
    CHECK(interface_between("10.0.0.1", "192.0.2.1") == lo);
    CHECK(interface_between("::1", "::1") == lo);
    CHECK(interface_between("10.0.0.1", "192.0.2.1", eth0) == lo); // whatever it is bound to
    CHECK(interface_between("0.0.0.0", "10.0.0.1", eth0) == lo);
}

TEST_CASE("without device and address, or with an address of several, it is not known")
{
    CHECK(interface_between("0.0.0.0", "") == 0);
    CHECK(interface_between("::", "") == 0);
    CHECK(interface_between("fe80::1", "fe80::9") == 0);
    CHECK(interface_between("203.0.113.77", "203.0.113.9") == 0); // an address that has gone
    CHECK(interface_of(between("127.0.0.1", "127.0.0.1").tuple, 0, {}) == 0);
}

TEST_CASE("the filter lets through what passes one of its interfaces")
{
    CHECK(judge(on({eth0}), between("10.0.0.1", "203.0.113.9")) == Judgement::in);
    CHECK(judge(on({eth1}), between("10.0.0.1", "203.0.113.9")) != Judgement::in);
    CHECK(judge(on({eth1, eth0}), between("10.0.0.1", "203.0.113.9")) == Judgement::in);
    CHECK(judge(on({eth0}), between("0.0.0.0", "")) != Judgement::in);
    CHECK(judge(on({}), between("0.0.0.0", "")) == Judgement::in);
}

TEST_CASE("an interface that is not known is judged neither in nor out")
{
    CHECK(judge(on({eth0}), between("0.0.0.0", "")) == Judgement::unknown);
    CHECK(judge(on({}), between("0.0.0.0", "")) == Judgement::in);
    CHECK(judge(on({eth0}), between("192.0.2.1", "203.0.113.9")) == Judgement::out);
    Filter udp = on({eth0});
    udp.add(*find_filter_kind("protocol"), find_filter_kind("protocol")->parse("udp")); // one that says no is enough
    CHECK(judge(udp, between("0.0.0.0", "")) == Judgement::out);
}

TEST_CASE("indices and addresses of another network namespace are others")
{
    Flow elsewhere = between("10.0.0.1", "203.0.113.9", eth0);
    elsewhere.netns = there;
    CHECK(judge(on({eth0}), elsewhere) == Judgement::out);
    elsewhere.interface = 0;
    elsewhere.tuple.local = {};
    CHECK(judge(on({eth0}), elsewhere) == Judgement::out);
    elsewhere.netns = here;
    CHECK(judge(on({eth0}), elsewhere) == Judgement::unknown);
}

TEST_CASE("what is within this machine: --no-loopback and remote=own say the same, and --external leaves it out")
{
    const auto within = [](std::string_view local, std::string_view remote, Inode netns) {
        Flow each = between(local, remote);
        each.netns = netns;
        Filter own = typed({"remote=own"});
        Filter kept = typed({"no-loopback"});
        own.machine = kept.machine = machine;
        const Judgement judgement = judge(own, each);
        CHECK(judge(kept, each) == (judgement == Judgement::in    ? Judgement::out
                                    : judgement == Judgement::out ? Judgement::in
                                                                  : judgement));
        return judgement;
    };
    CHECK(within("192.0.2.1", "192.0.2.1", here) == Judgement::in);
    CHECK(within("10.0.0.1", "192.0.2.1", here) == Judgement::in);
    CHECK(within("192.0.2.1", "198.51.100.1", here) == Judgement::out); // another namespace's
    CHECK(within("127.0.0.1", "", here) == Judgement::in);
    CHECK(within("0.0.0.0", "", here) == Judgement::unknown);
    CHECK(within("198.51.100.1", "198.51.100.2", there) == Judgement::in);
    CHECK(within("198.51.100.1", "192.0.2.1", there) == Judgement::out); // a container that reaches its host
    CHECK(within("198.51.100.1", "203.0.113.9", there) == Judgement::out);
    CHECK(within("198.51.100.1", "203.0.113.9", unread) == Judgement::unknown);
    CHECK(within("198.51.100.1", "198.51.100.1", unread) == Judgement::in);

    Filter external = typed({"!remote=private", "!remote=loopback", "!remote=multicast", "!remote=own"});
    external.machine = machine;
    CHECK(judge(external, between("192.0.2.1", "203.0.113.9")) == Judgement::in);
    CHECK(judge(external, between("192.0.2.1", "192.0.2.1")) == Judgement::out);
    CHECK(judge(external, between("127.0.0.1", "")) == Judgement::out); // no other machine reaches it
    CHECK(judge(external, between("0.0.0.0", "")) == Judgement::unknown);
}

TEST_CASE("rows by interface are what drivers counted, without owner and sockets")
{
    std::vector<InterfaceTraffic> traffic{{"eth0", 1000, 200, 10, 2, Outbound::route}, {"eth1"}};
    CHECK(rows_of(traffic, false).size() == 1);
    const auto rows = rows_of(traffic, true);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].interface == "eth0");
    CHECK(rows[0].outbound == Outbound::route);
    CHECK(rows[0].rx_bytes == 1000U);
    CHECK(rows[0].tx_bytes == 200U);
    CHECK(rows[0].packets == PacketCounts{10, 2, std::nullopt, std::nullopt});
    CHECK_FALSE(rows[0].process);
    CHECK_FALSE(rows[0].attribution);
    CHECK_FALSE(rows[1].outbound);

    traffic.push_back({"eth2", 5, 6, 1, 1});
    const Filter all;
    Grouping grouping(GroupBy("interface"), all, false);
    add_interfaces(grouping, traffic);
    const Totals totals = grouping.totals();
    CHECK(totals.rx_bytes == 1005U);
    CHECK(totals.tx_bytes == 206U);
    CHECK_FALSE(totals.unattributed_rx_bytes);
    CHECK_FALSE(totals.unattributed_tx_bytes);
}

namespace {

const std::vector<Interface> ways_out{{1, "lo", true, true, {}},
                                      {2, "down0", false, false, {}},
                                      {3, "eth0", false, true, {}},
                                      {4, "wg0", false, true, {}}};

/// The names with their marks, "eth0=fallback".
std::string marks(std::optional<std::uint32_t> routed, const std::vector<Interface>& interfaces = ways_out)
{
    std::vector<InterfaceTraffic> traffic{{"eth0"}, {"down0"}, {"wg0"}};
    mark_outbound(traffic, interfaces, routed);
    std::string result;
    for (const InterfaceTraffic& each : traffic) {
        if (each.outbound) {
            result += each.name + "=" + std::string(to_string(*each.outbound)) + " ";
        }
    }
    return result;
}

} // namespace

TEST_CASE("one interface is marked: by the route, else the first that is up and not lo")
{
    CHECK(marks(4) == "wg0=default ");
    CHECK(marks(std::nullopt) == "eth0=fallback ");
    CHECK(marks(77) == "eth0=fallback "); // gone meanwhile
    CHECK(marks(std::nullopt, {ways_out[0], ways_out[1]}).empty());
}
