// SPDX-License-Identifier: MIT
#include "linux/fd.hpp"
#include "traffic/packet/packet_watch.hpp"
#include "traffic/packet/ring.hpp"

#include <doctest/doctest.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <numeric>

using namespace socktally;

namespace {

Interface link(std::uint32_t index, const char* kind, std::uint32_t master = 0, std::uint32_t lower = 0)
{
    Interface result;
    result.index = index;
    result.kind = kind;
    result.master = master;
    result.lower = lower;
    return result;
}

using Indices = std::vector<std::uint32_t>;

/// Whether the kernel takes it; any socket will do, and no privilege is needed.
bool loads(const std::vector<sock_filter>& program)
{
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    return ::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

} // namespace

TEST_CASE("links: hardware, veth, tunnels and lo are watched")
{
    const InterfaceChoice watch =
        choose_interfaces({link(1, ""), link(2, ""), link(3, "veth", 0, 9), link(4, "vxlan", 0, 2), link(5, "tun")});
    CHECK(watch.skipped.empty());
    CHECK_FALSE(watch.other_hosts);
}

TEST_CASE("links: ports of a bridge or a bond are left out, members of a VRF are not, but it is")
{
    CHECK(choose_interfaces({link(2, "", 4), link(3, "veth", 4), link(4, "bridge")}).skipped == Indices{2, 3});
    CHECK(choose_interfaces({link(2, "", 4), link(3, "", 4), link(4, "bond", 5), link(5, "bridge")}).skipped ==
          Indices{2, 3, 4});
    CHECK(choose_interfaces({link(2, "", 4), link(4, "vrf")}).skipped == Indices{4});
    CHECK(choose_interfaces({link(2, "", 77)}).skipped.empty()); // a master that is not there
}

TEST_CASE("links: what is stacked on one that is watched is left out")
{
    const InterfaceChoice two = choose_interfaces({link(2, ""), link(3, "ipvlan", 0, 2), link(4, "ipvlan", 0, 3)});
    CHECK(two.skipped == Indices{3, 4});
    CHECK(two.shared == Indices{2});
    CHECK(choose_interfaces({link(2, "", 5), link(3, "ipvlan", 0, 2), link(5, "bridge")}).skipped == Indices{2});
    CHECK(choose_interfaces({link(3, "ipvlan", 0, 2)}).skipped.empty()); // on one of another namespace
    const InterfaceChoice macvlan = choose_interfaces({link(2, ""), link(3, "macvlan", 0, 2)});
    CHECK(macvlan.skipped == Indices{3});
    CHECK(macvlan.other_hosts);
    CHECK(macvlan.shared == Indices{2});
    const InterfaceChoice vrf =
        choose_interfaces({link(2, "vrf"), link(3, "", 2), link(4, "macvlan", 2, 5), link(5, "")});
    CHECK(vrf.skipped == Indices{2, 4});
    CHECK(vrf.shared == Indices{3, 5});
    CHECK(choose_interfaces({link(2, "vrf")}).skipped.empty()); // its members are not wanted
    CHECK(choose_interfaces({link(2, "ipvlan", 0, 3), link(3, "ipvlan", 0, 2)}).skipped.size() <= 2); // in a circle
}

TEST_CASE("links: VLANs are watched; if some links are wanted only, the one below has their packets")
{
    const std::vector<Interface> links{link(2, ""), link(3, "vlan", 0, 2), link(4, "vlan", 0, 3), link(5, "vlan", 6, 2),
                                       link(6, "bridge")};
    CHECK(choose_interfaces(links).skipped == Indices{5});
    CHECK(choose_interfaces(links).shared.empty());
    CHECK(choose_interfaces(links, Links::wanted).skipped == Indices{3, 4, 5});
    CHECK(choose_interfaces({link(2, "", 5), link(3, "vlan", 0, 2), link(5, "bridge")}, Links::wanted).skipped ==
          Indices{2});
}

TEST_CASE("filter: the kernel takes it, however many interfaces are left out")
{
    CHECK(loads(packet_filter({{}, {}, false, false})));
    CHECK(loads(packet_filter({{}, {2, 3}, true, false})));
    Indices many(10'000);
    std::iota(many.begin(), many.end(), 2U);
    CHECK(loads(packet_filter({{}, many, false, false})));
    CHECK(loads(packet_filter({{2, 3}, {3}, true, false})));
    CHECK(loads(packet_filter({Indices(200, 7), many, false, true})));
    CHECK(loads(packet_filter({many, {}, false, false})));
    const std::vector<std::uint16_t> resolvers{53, 5353, 5355};
    const std::vector<std::uint16_t> redirected(16, 40'000);
    CHECK(loads(packet_filter({{2}, many, true, false, resolvers, redirected, 853})));
}

TEST_CASE("links: the ports of tunnels in UDP")
{
    Interface tunnel = link(3, "vxlan");
    tunnel.tunnel_port = 4789;
    CHECK(tunnel_ports_of({link(2, ""), tunnel}) == std::vector<std::uint16_t>{4789});
}
