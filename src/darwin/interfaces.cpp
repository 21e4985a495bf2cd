// SPDX-License-Identifier: MIT
// The network interfaces of macOS: getifaddrs(3), a question to route(4), and the kernel's list of counters.
#include "linux/interfaces.hpp"

#include "darwin/sysctl.hpp"
#include "linux/error.hpp"
#include "linux/fd.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <span>

namespace socktally {

namespace {

template <typename SocketAddress, typename Bytes>
Address address_in(const sockaddr& from, Bytes SocketAddress::*field)
{
    SocketAddress address{};
    std::memcpy(&address, &from, sizeof address);
    return Address::from_bytes(std::as_bytes(std::span(&(address.*field), 1)));
}

/// The kernel keeps the index of the interface in bytes 2 and 3 of a link-local address.
Address without_interface(Address address)
{
    if (address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0U) == 0x80) {
        address.bytes[2] = 0;
        address.bytes[3] = 0;
    }
    return address;
}

Address address_of(const sockaddr& from)
{
    switch (from.sa_family) {
    case AF_INET: return address_in(from, &sockaddr_in::sin_addr);
    case AF_INET6: return without_interface(address_in(from, &sockaddr_in6::sin6_addr));
    default: return {};
    }
}

/// Asks for the route to a public address. Sends no packet.
template <typename SocketAddress>
std::optional<std::uint32_t> route_to(const SocketAddress& address)
{
    struct Request {
        rt_msghdr header;
        SocketAddress to;
    } request{};
    request.header.rtm_msglen = sizeof request;
    request.header.rtm_version = RTM_VERSION;
    request.header.rtm_type = RTM_GET;
    request.header.rtm_addrs = RTA_DST;
    request.header.rtm_seq = 1;
    request.to = address;
    const Fd socket(::socket(PF_ROUTE, SOCK_RAW, 0));
    // The reply is in the buffer of the socket when write(2) returns. Without a route, write(2) fails.
    if (!socket || ::write(socket.get(), &request, sizeof request) != static_cast<ssize_t>(sizeof request)) {
        return std::nullopt;
    }
    const pid_t self = ::getpid();
    std::array<char, 4096> reply{};
    constexpr int most = 64; // messages that tell of other changes
    for (int i = 0; i < most; ++i) {
        const ssize_t got = ::recv(socket.get(), reply.data(), reply.size(), MSG_DONTWAIT);
        rt_msghdr header{};
        if (got < static_cast<ssize_t>(sizeof header)) {
            return std::nullopt;
        }
        std::memcpy(&header, reply.data(), sizeof header);
        if (header.rtm_type == RTM_GET && header.rtm_pid == self && header.rtm_seq == 1) {
            return header.rtm_errno == 0 && header.rtm_index != 0 ? std::optional<std::uint32_t>(header.rtm_index)
                                                                  : std::nullopt;
        }
    }
    return std::nullopt;
}

} // namespace

std::vector<Interface> interfaces()
{
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) {
        throw errno_error("cannot list the network interfaces");
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(first, &::freeifaddrs);
    std::map<std::uint32_t, Interface> by_index;
    for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
        const std::uint32_t index = ::if_nametoindex(each->ifa_name);
        if (index == 0) {
            continue; // the interface is gone
        }
        Interface& interface = by_index[index];
        interface.index = index;
        interface.name = each->ifa_name;
        interface.is_loopback = (each->ifa_flags & IFF_LOOPBACK) != 0;
        interface.is_up = (each->ifa_flags & IFF_UP) != 0;
        const Address address = each->ifa_addr != nullptr ? address_of(*each->ifa_addr) : Address{};
        if (address.family != Family::none) {
            interface.addresses.push_back(address);
        }
    }
    std::vector<Interface> interfaces;
    for (auto& [index, interface] : by_index) {
        interfaces.push_back(std::move(interface));
    }
    return interfaces;
}

std::optional<std::uint32_t> routed_interface()
{
    // the addresses of a.root-servers.net, as on Linux
    constexpr std::array<std::uint8_t, 4> v4{198, 41, 0, 4};
    constexpr std::array<std::uint8_t, 16> v6{0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x30};
    sockaddr_in to{};
    to.sin_len = sizeof to;
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, v4.data(), v4.size());
    if (const auto index = route_to(to)) {
        return index;
    }
    sockaddr_in6 to6{};
    to6.sin6_len = sizeof to6;
    to6.sin6_family = AF_INET6;
    std::memcpy(&to6.sin6_addr, v6.data(), v6.size());
    return route_to(to6);
}

std::vector<InterfaceTraffic> read_interface_counters()
{
    std::array<int, 6> name{CTL_NET, PF_ROUTE, 0, 0, NET_RT_IFLIST2, 0};
    const std::string messages = read_sysctl(name);
    std::vector<InterfaceTraffic> counters;
    std::string_view rest = messages;
    while (rest.size() >= sizeof(if_msghdr)) {
        if_msghdr header{}; // all messages begin with a length, a version and a type
        std::memcpy(&header, rest.data(), sizeof header);
        if (header.ifm_msglen == 0 || header.ifm_msglen > rest.size()) {
            break;
        }
        if_msghdr2 counted{};
        if (header.ifm_type == RTM_IFINFO2 && header.ifm_msglen >= sizeof counted) {
            std::memcpy(&counted, rest.data(), sizeof counted);
            std::array<char, IF_NAMESIZE> text{};
            InterfaceTraffic interface;
            interface.index = counted.ifm_index;
            interface.name = ::if_indextoname(counted.ifm_index, text.data()) != nullptr ? text.data() : "";
            interface.rx_bytes = counted.ifm_data.ifi_ibytes;
            interface.tx_bytes = counted.ifm_data.ifi_obytes;
            interface.rx_packets = counted.ifm_data.ifi_ipackets;
            interface.tx_packets = counted.ifm_data.ifi_opackets;
            counters.push_back(std::move(interface));
        }
        rest.remove_prefix(header.ifm_msglen);
    }
    return counters;
}

} // namespace socktally
