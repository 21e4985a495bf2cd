// SPDX-License-Identifier: MIT
#include "traffic/packet/links.hpp"

#include "linux/error.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <string_view>

namespace socktally {

namespace {

std::uint32_t number_of(std::span<const std::byte> bytes)
{
    std::uint32_t number = 0;
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

/// Returns the attribute of IFLA_INFO_DATA that has the port of a tunnel of this kind; 0 for other kinds.
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
        if (attribute.type == wanted && attribute.payload.size() >= sizeof port) {
            std::memcpy(&port, attribute.payload.data(), sizeof port);
        }
    }
    return ntohs(port);
}

void read_information(std::span<const std::byte> information, Link& link)
{
    std::span<const std::byte> data;
    NetlinkAttribute attribute;
    while (next_attribute(information, attribute)) {
        if (attribute.type == IFLA_INFO_KIND) {
            link.kind = text_of(attribute.payload);
        } else if (attribute.type == IFLA_INFO_DATA) {
            data = attribute.payload;
        }
    }
    link.tunnel_port = tunnel_port(link.kind, data);
}

const Link* find(const std::vector<Link>& links, std::uint32_t index)
{
    const auto link = std::find_if(links.begin(), links.end(), [=](const Link& each) { return each.index == index; });
    return index == 0 || link == links.end() ? nullptr : &*link;
}

bool is_any(const Link& link, std::span<const std::string_view> kinds)
{
    return std::find(kinds.begin(), kinds.end(), link.kind) != kinds.end();
}

/// Its master shows what is for this machine.
bool is_port(const std::vector<Link>& links, const Link& link)
{
    constexpr std::array<std::string_view, 4> masters{"bridge", "bond", "team", "openvswitch"};
    const Link* master = find(links, link.master);
    return master != nullptr && is_any(*master, masters);
}

/// A chain of stacked interfaces is short; one that is longer, or goes round in a circle, is not believed.
bool repeats(const std::vector<Link>& links, const Link& link, int depth = 0)
{
    constexpr int deepest = 8;
    constexpr std::array<std::string_view, 4> stacked{"vlan", "macvlan", "macvtap", "ipvlan"};
    const bool has_members =
        std::any_of(links.begin(), links.end(), [&](const Link& each) { return each.master == link.index; });
    if ((link.kind == "vrf" && has_members) || is_port(links, link)) {
        return true;
    }
    const Link* lower = is_any(link, stacked) ? find(links, link.lower) : nullptr;
    return lower != nullptr && depth < deepest && !repeats(links, *lower, depth + 1);
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

std::optional<Link> parse_link(std::span<const std::byte> payload)
{
    ifinfomsg message{};
    if (payload.size() < sizeof message) {
        return std::nullopt;
    }
    std::memcpy(&message, payload.data(), sizeof message);
    Link link;
    link.index = static_cast<std::uint32_t>(message.ifi_index);
    bool lower_is_elsewhere = false;
    auto attributes = payload.subspan(NLMSG_ALIGN(sizeof message));
    NetlinkAttribute attribute;
    while (next_attribute(attributes, attribute)) {
        switch (attribute.type) {
        case IFLA_IFNAME: link.name = text_of(attribute.payload); break;
        case IFLA_MASTER: link.master = number_of(attribute.payload); break;
        case IFLA_LINK: link.lower = number_of(attribute.payload); break;
        case IFLA_LINK_NETNSID: lower_is_elsewhere = true; break;
        case IFLA_LINKINFO: read_information(attribute.payload, link); break;
        default: break;
        }
    }
    if (lower_is_elsewhere) {
        link.lower = 0;
    }
    return link;
}

Watch choose_links(const std::vector<Link>& links)
{
    Watch watch;
    for (const Link& link : links) {
        if (repeats(links, link)) {
            watch.skipped.push_back(link.index);
            watch.other_hosts = watch.other_hosts || link.kind == "macvlan" || link.kind == "macvtap";
        }
    }
    std::sort(watch.skipped.begin(), watch.skipped.end());
    return watch;
}

std::vector<std::uint16_t> tunnel_ports_of(const std::vector<Link>& links)
{
    std::vector<std::uint16_t> ports;
    for (const Link& link : links) {
        if (link.tunnel_port != 0) {
            ports.push_back(link.tunnel_port);
        }
    }
    return ports;
}

std::optional<Address> parse_address_message(std::span<const std::byte> payload)
{
    if (payload.size() < sizeof(ifaddrmsg)) {
        return std::nullopt;
    }
    Address local;
    Address other;
    auto attributes = payload.subspan(NLMSG_ALIGN(sizeof(ifaddrmsg)));
    NetlinkAttribute attribute;
    while (next_attribute(attributes, attribute)) {
        if (attribute.type == IFA_LOCAL) {
            local = Address::from_bytes(attribute.payload);
        } else if (attribute.type == IFA_ADDRESS) {
            other = Address::from_bytes(attribute.payload);
        }
    }
    const Address& address = local.family != Family::none ? local : other; // v6 has the second alone, as a rule
    return address.family != Family::none ? std::optional(address) : std::nullopt;
}

std::vector<Link> read_links(NetlinkSocket& route)
{
    std::vector<Link> links;
    dump<ifinfomsg>(route, RTM_GETLINK, "cannot list the network interfaces", [&](const NetlinkMessage& message) {
        if (auto link = message.type == RTM_NEWLINK ? parse_link(message.payload) : std::nullopt) {
            links.push_back(std::move(*link));
        }
    });
    return links;
}

std::vector<Address> read_addresses(NetlinkSocket& route)
{
    std::vector<Address> addresses;
    dump<ifaddrmsg>(route, RTM_GETADDR, "cannot list this machine's addresses", [&](const NetlinkMessage& message) {
        const auto address = message.type == RTM_NEWADDR ? parse_address_message(message.payload) : std::nullopt;
        if (address) {
            addresses.push_back(*address);
        }
    });
    return addresses;
}

} // namespace socktally
