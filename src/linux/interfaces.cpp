// SPDX-License-Identifier: MIT
#include "linux/interfaces.hpp"

#include "linux/error.hpp"
#include "linux/file.hpp"
#include "linux/proc.hpp"
#include "linux/route_messages.hpp"
#include "util/number.hpp"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <string_view>
#include <system_error>
#include <utility>

namespace socktally {

namespace {

/// Addresses of a.root-servers.net. Among the routes, usually only the default route covers them. The kernel is only
/// asked for its route to them; no packet is sent.
constexpr std::array<std::string_view, 2> public_addresses{"198.41.0.4", "2001:503:ba3e::2:30"};

/// Returns the number at the beginning of `bytes`; 0 if there are too few bytes.
template <typename Number>
Number number_of(std::span<const std::byte> bytes)
{
    Number number = 0;
    if (bytes.size() >= sizeof number) {
        std::memcpy(&number, bytes.data(), sizeof number);
    }
    return number;
}

std::string text_of(std::span<const std::byte> bytes)
{
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return std::string(text.substr(0, text.find('\0')));
}

/// Copies the fixed part of a message into `body`. Returns the attributes after it; null if the message is cut short.
template <typename Body>
std::optional<std::span<const std::byte>> read_body(std::span<const std::byte> payload, Body& body)
{
    if (payload.size() < sizeof body) {
        return std::nullopt;
    }
    std::memcpy(&body, payload.data(), sizeof body);
    return payload.subspan(std::min<std::size_t>(NLMSG_ALIGN(sizeof body), payload.size()));
}

/// Returns the type of the attribute, within IFLA_INFO_DATA, that has the UDP port of a tunnel. `kind` is the kind of
/// the tunnel. Returns 0 for other kinds of interfaces.
std::uint16_t port_attribute(std::string_view kind)
{
    return kind == "vxlan"     ? IFLA_VXLAN_PORT
           : kind == "geneve"  ? IFLA_GENEVE_PORT
           : kind == "bareudp" ? IFLA_BAREUDP_PORT
                               : 0;
}

std::uint16_t tunnel_port(std::string_view kind, std::span<const std::byte> data)
{
    const std::uint16_t wanted = port_attribute(kind);
    std::uint16_t port = 0;
    NetlinkAttribute attribute;
    while (wanted != 0 && next_attribute(data, attribute)) {
        if (attribute.type == wanted) {
            port = number_of<std::uint16_t>(attribute.payload);
        }
    }
    return ntohs(port);
}

void read_information(std::span<const std::byte> information, Interface& interface)
{
    std::span<const std::byte> data;
    NetlinkAttribute attribute;
    while (next_attribute(information, attribute)) {
        if (attribute.type == IFLA_INFO_KIND) {
            interface.kind = text_of(attribute.payload);
        } else if (attribute.type == IFLA_INFO_DATA) {
            data = attribute.payload;
        }
    }
    interface.tunnel_port = tunnel_port(interface.kind, data);
}

template <typename Body>
void dump(NetlinkSocket& route, std::uint16_t type, const char* what,
          const std::function<void(const NetlinkMessage&)>& take)
{
    struct {
        nlmsghdr header;
        Body body;
    } request{};
    static_assert(sizeof request == NLMSG_LENGTH(sizeof(Body)));
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = type;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    const int error = exchange(route, std::as_writable_bytes(std::span(&request, 1)), take);
    if (error != 0 && error != EINTR) {
        throw errno_error(what, error);
    }
}

} // namespace

std::optional<Interface> parse_interface(std::span<const std::byte> payload)
{
    ifinfomsg message{};
    auto attributes = read_body(payload, message);
    if (!attributes) {
        return std::nullopt;
    }
    Interface interface;
    interface.index = static_cast<std::uint32_t>(message.ifi_index);
    interface.is_loopback = (message.ifi_flags & IFF_LOOPBACK) != 0;
    interface.is_up = (message.ifi_flags & IFF_UP) != 0;
    bool lower_is_elsewhere = false;
    NetlinkAttribute attribute;
    while (next_attribute(*attributes, attribute)) {
        switch (attribute.type) {
        case IFLA_IFNAME: interface.name = text_of(attribute.payload); break;
        case IFLA_MASTER: interface.master = number_of<std::uint32_t>(attribute.payload); break;
        case IFLA_LINK: interface.lower = number_of<std::uint32_t>(attribute.payload); break;
        case IFLA_LINK_NETNSID: lower_is_elsewhere = true; break;
        case IFLA_LINKINFO: read_information(attribute.payload, interface); break;
        default: break;
        }
    }
    if (lower_is_elsewhere) {
        interface.lower = 0;
    }
    return interface;
}

std::optional<InterfaceAddress> parse_interface_address(std::span<const std::byte> payload)
{
    ifaddrmsg message{};
    auto attributes = read_body(payload, message);
    Address local;
    Address other;
    NetlinkAttribute attribute;
    while (attributes && next_attribute(*attributes, attribute)) {
        if (attribute.type == IFA_LOCAL) {
            local = Address::from_bytes(attribute.payload);
        } else if (attribute.type == IFA_ADDRESS) {
            other = Address::from_bytes(attribute.payload);
        }
    }
    const Address& address = local.family != Family::none ? local : other; // IPv6 usually has only IFA_ADDRESS
    return address.family != Family::none ? std::optional(InterfaceAddress{message.ifa_index, address}) : std::nullopt;
}

std::vector<Interface> list_interfaces(NetlinkSocket& route)
{
    std::vector<Interface> list;
    dump<ifinfomsg>(route, RTM_GETLINK, "cannot list the network interfaces", [&](const NetlinkMessage& message) {
        if (auto interface = message.type == RTM_NEWLINK ? parse_interface(message.payload) : std::nullopt) {
            list.push_back(*std::move(interface));
        }
    });
    return list;
}

std::vector<InterfaceAddress> list_addresses(NetlinkSocket& route)
{
    std::vector<InterfaceAddress> list;
    dump<ifaddrmsg>(route, RTM_GETADDR, "cannot list this machine's addresses", [&](const NetlinkMessage& message) {
        if (const auto address =
                message.type == RTM_NEWADDR ? parse_interface_address(message.payload) : std::nullopt) {
            list.push_back(*address);
        }
    });
    return list;
}

std::vector<Interface> interfaces()
{
    NetlinkSocket route(NetlinkSocket::Mode::blocking, NETLINK_ROUTE);
    std::vector<Interface> list = list_interfaces(route);
    std::sort(list.begin(), list.end(), [](const Interface& a, const Interface& b) { return a.index < b.index; });
    for (const auto& [index, address] : list_addresses(route)) {
        const auto owner =
            std::lower_bound(list.begin(), list.end(), index,
                             [](const Interface& interface, auto wanted) { return interface.index < wanted; });
        if (owner != list.end() && owner->index == index) { // the list may lack an interface that is newer
            owner->addresses.push_back(address);
        }
    }
    return list;
}

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
    auto attributes = read_body(payload, route);
    NetlinkAttribute attribute;
    while (attributes && route.rtm_type == RTN_UNICAST && next_attribute(*attributes, attribute)) {
        if (attribute.type == RTA_OIF) {
            const auto index = number_of<std::uint32_t>(attribute.payload);
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
        // a sandbox may forbid netlink; without a route, mark_outbound() chooses another interface
    } catch (const std::system_error&) {
    }
    return std::nullopt;
}

std::vector<InterfaceTraffic> parse_interfaces(std::string_view text)
{
    // A line has eight fields of rx, then those of tx. Both groups begin with bytes and packets.
    constexpr std::size_t tx_field = 8;
    std::vector<InterfaceTraffic> interfaces;
    next_line(text);
    next_line(text);
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::size_t colon = line.find(": "); // the name of an alias, such as eth0:1, has a colon too
        if (colon == std::string_view::npos) {
            continue;
        }
        std::string_view name = line.substr(0, colon);
        name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
        line.remove_prefix(colon + 1);
        InterfaceTraffic interface;
        interface.name = name;
        std::array<std::uint64_t, tx_field + 2> fields{};
        for (std::uint64_t& field : fields) {
            field = parse_number(next_word(line)).value_or(0);
        }
        interface.rx_bytes = fields[0];
        interface.rx_packets = fields[1];
        interface.tx_bytes = fields[tx_field];
        interface.tx_packets = fields[tx_field + 1];
        interfaces.push_back(std::move(interface));
    }
    return interfaces;
}

std::vector<InterfaceTraffic> read_interface_counters()
{
    constexpr std::size_t size_limit = 16 << 20;
    std::string buffer;
    const auto text = read_file(AT_FDCWD, "/proc/net/dev", buffer, size_limit);
    std::vector<InterfaceTraffic> counters = parse_interfaces(text.value_or(""));
    for (InterfaceTraffic& interface : counters) {
        interface.index = ::if_nametoindex(interface.name.c_str());
    }
    return counters;
}

} // namespace socktally
