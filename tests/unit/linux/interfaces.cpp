// SPDX-License-Identifier: MIT
#include "linux/interfaces.hpp"
#include "linux/route_messages.hpp"
#include "unit/build_sample.hpp"
#include "unit/netlink_bytes.hpp"

#include <doctest/doctest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include <cstring>

using namespace socktally;
using namespace socktally::test;

namespace {

std::vector<std::byte> route(std::uint8_t type, std::optional<std::uint32_t> index)
{
    rtmsg message{};
    message.rtm_family = AF_INET;
    message.rtm_type = type;
    struct {
        rtattr header;
        std::uint32_t index;
    } attribute{{RTA_LENGTH(sizeof(std::uint32_t)), RTA_OIF}, index.value_or(0)};
    std::vector<std::byte> bytes(sizeof message + (index ? sizeof attribute : 0));
    std::memcpy(bytes.data(), &message, sizeof message);
    if (index) {
        std::memcpy(bytes.data() + sizeof message, &attribute, sizeof attribute);
    }
    return bytes;
}

Bytes link_bytes(std::string_view kind, std::uint16_t attribute, std::uint16_t port)
{
    Bytes information = attribute_bytes(IFLA_INFO_KIND, bytes_of(kind));
    append(information, attribute_bytes(IFLA_INFO_DATA, attribute_bytes(attribute, value_bytes(htons(port)))));
    Bytes bytes = value_bytes(ifinfomsg{});
    append(bytes, attribute_bytes(IFLA_LINKINFO, information));
    return bytes;
}

} // namespace

TEST_CASE("the interface of a route, and none where it leads nowhere")
{
    CHECK(parse_route(route(RTN_UNICAST, 3)) == 3U);
    CHECK_FALSE(parse_route(route(RTN_UNICAST, 0)));
    CHECK_FALSE(parse_route(route(RTN_UNICAST, std::nullopt)));
    for (const std::uint8_t type : {RTN_UNREACHABLE, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_LOCAL}) {
        CHECK_FALSE(parse_route(route(type, 3)));
    }
}

TEST_CASE("an answer that is cut short has no interface")
{
    const auto whole = route(RTN_UNICAST, 3);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CHECK_FALSE(parse_route(std::span(whole).first(length)));
    }
}

TEST_CASE("a question is as long as its address")
{
    CHECK(route_request(address("198.41.0.4")).size() == 36);
    CHECK(route_request(address("2001:db8::1")).size() == 48);
}

TEST_CASE("interfaces: the port of a tunnel in UDP")
{
    std::vector<std::uint16_t> ports;
    for (const Bytes& bytes : {link_bytes("vxlan", IFLA_VXLAN_PORT, 4789), link_bytes("geneve", IFLA_GENEVE_PORT, 6081),
                               link_bytes("veth", IFLA_VXLAN_PORT, 7), link_bytes("vxlan", IFLA_VXLAN_ID, 7)}) {
        const auto parsed = parse_interface(bytes);
        REQUIRE(parsed);
        ports.push_back(parsed->tunnel_port);
    }
    CHECK(ports == std::vector<std::uint16_t>{4789, 6081, 0, 0});
    const Bytes cut = link_bytes("vxlan", IFLA_VXLAN_PORT, 4789);
    for (std::size_t size = 0; size < cut.size(); ++size) {
        const auto parsed = parse_interface(std::span(cut).first(size)); // no read past the end
        CHECK((!parsed || parsed->tunnel_port == 0 || parsed->tunnel_port == 4789));
    }
}

TEST_CASE("this machine's interfaces have indices, names and addresses")
{
    const auto found = interfaces();
    REQUIRE_FALSE(found.empty());
    for (const Interface& interface : found) {
        CHECK(interface.index != 0);
        CHECK_FALSE(interface.name.empty());
    }
}
