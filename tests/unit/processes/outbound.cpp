// SPDX-License-Identifier: MIT
#include "processes/outbound.hpp"
#include "processes/machine.hpp"
#include "unit/build_sample.hpp"
#include "unit/netlink_bytes.hpp"

#include <doctest/doctest.h>
#include <linux/rtnetlink.h>

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

const std::vector<Interface> machine{{1, "lo", true, true, {}},
                                     {2, "down0", false, false, {}},
                                     {3, "eth0", false, true, {}},
                                     {4, "wg0", false, true, {}}};

/// The names with their marks, "eth0=fallback".
std::string marks(std::optional<std::uint32_t> routed, const std::vector<Interface>& interfaces = machine)
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

TEST_CASE("one interface is marked: by the route, else the first that is up and not lo")
{
    CHECK(marks(4) == "wg0=default ");
    CHECK(marks(std::nullopt) == "eth0=fallback ");
    CHECK(marks(77) == "eth0=fallback "); // gone meanwhile
    CHECK(marks(std::nullopt, {machine[0], machine[1]}).empty());
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
