// SPDX-License-Identifier: MIT
#include "processes/outbound.hpp"

#include "linux/netlink_socket.hpp"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>

namespace socktally {

namespace {

/// a.root-servers.net, which any way out leads to. An address is all that is asked about: no packet goes there.
constexpr std::array<std::string_view, 2> public_addresses{"198.41.0.4", "2001:503:ba3e::2:30"};

} // namespace

std::vector<std::byte> route_request(const Address& to)
{
    struct Request {
        nlmsghdr header;
        rtmsg route;
        rtattr attribute;
        std::array<std::uint8_t, 16> address;
    } request{};
    static_assert(sizeof(Request) == 48);
    const std::size_t size = to.family == Family::v6 ? 16 : 4;
    const std::size_t length = sizeof request - sizeof request.address + size;
    request.header.nlmsg_len = static_cast<std::uint32_t>(length);
    request.header.nlmsg_type = RTM_GETROUTE;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request.route.rtm_family = to.family == Family::v6 ? AF_INET6 : AF_INET;
    request.route.rtm_dst_len = static_cast<std::uint8_t>(size * 8);
    request.attribute.rta_type = RTA_DST;
    request.attribute.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
    request.address = to.bytes;
    std::vector<std::byte> bytes(length);
    std::memcpy(bytes.data(), &request, length);
    return bytes;
}

std::optional<std::uint32_t> parse_route(std::span<const std::byte> payload)
{
    rtmsg route{};
    if (payload.size() < sizeof route) {
        return std::nullopt;
    }
    std::memcpy(&route, payload.data(), sizeof route);
    if (route.rtm_type != RTN_UNICAST) {
        return std::nullopt;
    }
    auto attributes = payload.subspan(sizeof route);
    NetlinkAttribute attribute;
    while (next_attribute(attributes, attribute)) {
        std::uint32_t index = 0;
        if (attribute.type == RTA_OIF && attribute.payload.size() >= sizeof index) {
            std::memcpy(&index, attribute.payload.data(), sizeof index);
            return index != 0 ? std::optional(index) : std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<std::uint32_t> routed_interface()
{
    try {
        NetlinkSocket socket(NetlinkSocket::Mode::blocking, NETLINK_ROUTE);
        for (const std::string_view text : public_addresses) {
            auto request = route_request(parse_address(text).value());
            std::optional<std::uint32_t> index;
            const int error = exchange(socket, request, [&](const NetlinkMessage& message) {
                if (message.type == RTM_NEWROUTE) {
                    index = parse_route(message.payload);
                }
            });
            if (error == 0 && index) {
                return index;
            }
        }
    } catch (const std::system_error&) { // a sandbox without netlink: there is the fallback
    }
    return std::nullopt;
}

void mark_outbound(std::vector<InterfaceTraffic>& traffic, const std::vector<Interface>& interfaces,
                   std::optional<std::uint32_t> routed)
{
    auto found = std::find_if(interfaces.begin(), interfaces.end(),
                              [routed](const Interface& interface) { return interface.index == routed; });
    const Outbound outbound = found != interfaces.end() ? Outbound::route : Outbound::first_up;
    if (found == interfaces.end()) {
        found = std::find_if(interfaces.begin(), interfaces.end(),
                             [](const Interface& interface) { return interface.is_up && !interface.is_loopback; });
    }
    for (InterfaceTraffic& each : traffic) {
        if (found != interfaces.end() && each.name == found->name) {
            each.outbound = outbound;
        }
    }
}

} // namespace socktally
