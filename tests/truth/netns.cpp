// SPDX-License-Identifier: MIT
// Namespaces by unshare and setns; links and addresses by rtnetlink requests, one acknowledged message each.
#include "netns.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string_view>

namespace truth {
namespace {

Fd open_current() { return Fd(must(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "open /proc/self/ns/net")); }

/// One rtnetlink message under construction. Attributes are appended; nested ones are closed in reverse order.
class Request {
public:
    template <typename Body>
    Request(std::uint16_t type, int flags, const Body& body)
    {
        header().nlmsg_len = NLMSG_HDRLEN;
        header().nlmsg_type = type;
        header().nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        append(&body, sizeof body);
    }

    void add(unsigned short type, const void* data, std::size_t size)
    {
        const std::size_t start = open(type);
        append(data, size);
        close(start);
    }
    void add(unsigned short type, std::string_view text) { add(type, text.data(), text.size()); }

    std::size_t open(unsigned short type)
    {
        const std::size_t start = header().nlmsg_len;
        const rtattr attribute{.rta_len = 0, .rta_type = type};
        append(&attribute, sizeof attribute);
        return start;
    }
    void close(std::size_t start)
    {
        const auto length = static_cast<unsigned short>(header().nlmsg_len - start);
        std::memcpy(buffer_.data() + start + offsetof(rtattr, rta_len), &length, sizeof length);
        header().nlmsg_len = NLMSG_ALIGN(header().nlmsg_len);
    }
    void append(const void* data, std::size_t size)
    {
        if (header().nlmsg_len + size > buffer_.size())
            throw std::length_error("rtnetlink request too long");
        std::memcpy(buffer_.data() + header().nlmsg_len, data, size);
        header().nlmsg_len += static_cast<std::uint32_t>(size);
    }

    struct Answer {
        nlmsghdr header;
        union {
            nlmsgerr error;
            ifinfomsg link;
        };
        std::array<char, 16'384> rest; // attributes of a link
    };
    /// Sends it in the current namespace and waits for the answer.
    Answer ask(const char* what)
    {
        const Fd socket(must(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "netlink socket"));
        must(::send(socket.get(), buffer_.data(), header().nlmsg_len, 0), what);
        Answer answer{};
        must(::recv(socket.get(), &answer, sizeof answer, 0), what);
        return answer;
    }
    void send(const char* what)
    {
        const Answer answer = ask(what);
        errno = -answer.error.error;
        if (answer.header.nlmsg_type != NLMSG_ERROR || errno != 0)
            fail(what);
    }

private:
    nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(buffer_.data()); }
    alignas(nlmsghdr) std::array<std::byte, 1024> buffer_{};
};

ifinfomsg link_up(unsigned index)
{
    ifinfomsg message{};
    message.ifi_index = static_cast<int>(index);
    message.ifi_flags = message.ifi_change = IFF_UP;
    return message;
}

void bring_up(const char* name)
{
    const unsigned index = ::if_nametoindex(name);
    Request(RTM_NEWLINK, 0, link_up(index)).send("bring link up");
}

void add_address(const char* link, const char* text, std::uint8_t prefix_length)
{
    std::array<std::byte, sizeof(in6_addr)> address{};
    const int family = std::strchr(text, ':') ? AF_INET6 : AF_INET;
    ::inet_pton(family, text, address.data());
    const std::size_t size = family == AF_INET6 ? sizeof(in6_addr) : sizeof(in_addr);

    ifaddrmsg message{};
    message.ifa_family = static_cast<std::uint8_t>(family);
    message.ifa_prefixlen = prefix_length;
    message.ifa_flags = IFA_F_NODAD; // usable at once
    message.ifa_index = ::if_nametoindex(link);
    Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, message);
    request.add(IFA_LOCAL, address.data(), size);
    request.add(IFA_ADDRESS, address.data(), size);
    request.send("add address");
}

void set_up_end(const Netns& place, const char* link, const char* v4, const char* v6)
{
    const Inside inside(place);
    bring_up(link);
    if (v4) {
        add_address(link, v4, 24);
    }
    if (v6) {
        add_address(link, v6, 64);
    }
}

} // namespace

Netns::Netns()
{
    const Fd home = open_current();
    must(::unshare(CLONE_NEWNET), "unshare network namespace");
    fd_ = open_current();
    must(::setns(home.get(), CLONE_NEWNET), "return to the first network namespace");
    const Inside inside(*this);
    bring_up("lo");
}

std::uint64_t Netns::inode() const
{
    struct stat status {};
    must(::fstat(fd_.get(), &status), "stat namespace");
    return status.st_ino;
}

Inside::Inside(const Netns& place) : home_(open_current())
{
    must(::setns(place.fd(), CLONE_NEWNET), "enter network namespace");
}

Inside::~Inside()
{
    if (::setns(home_.get(), CLONE_NEWNET) != 0) {
        std::perror("truth: cannot leave a network namespace");
        std::abort();
    }
}

/// The name of the queue of an interface. "noop" drops all.
static std::string queue_of(const char* name)
{
    ifinfomsg message{};
    message.ifi_index = static_cast<int>(::if_nametoindex(name));
    Request::Answer answer = Request(RTM_GETLINK, 0, message).ask("ask for a link");
    auto left = static_cast<int>(answer.header.nlmsg_len) - static_cast<int>(NLMSG_LENGTH(sizeof(ifinfomsg)));
    auto* attribute = reinterpret_cast<rtattr*>(reinterpret_cast<char*>(&answer.link) + NLMSG_ALIGN(sizeof(ifinfomsg)));
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        if (attribute->rta_type == IFLA_QDISC)
            return static_cast<const char*>(RTA_DATA(attribute));
    }
    return {};
}

/// The kernel attaches the queue of an interface in a work queue (linkwatch), some time after both ends are up. What is
/// sent before is dropped.
static void await_carrier(const Netns& place, const char* name)
{
    const Inside inside(place);
    for (int tries = 0; queue_of(name) == "noop"; ++tries) {
        if (tries == 60'000)
            throw std::runtime_error(std::string(name) + " does not come up");
        ::usleep(1000);
    }
}

void join(const Netns& near, const Netns& far, const Link& link)
{
    {
        const Inside inside(near);
        Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
        request.add(IFLA_IFNAME, link.near);
        const std::size_t info = request.open(IFLA_LINKINFO);
        request.add(IFLA_INFO_KIND, "veth");
        const std::size_t data = request.open(IFLA_INFO_DATA);
        const std::size_t peer = request.open(VETH_INFO_PEER);
        const ifinfomsg peer_link{};
        request.append(&peer_link, sizeof peer_link);
        request.add(IFLA_IFNAME, link.far);
        const int fd = far.fd();
        request.add(IFLA_NET_NS_FD, &fd, sizeof fd);
        request.close(peer);
        request.close(data);
        request.close(info);
        request.send("make veth pair");
    }
    set_up_end(near, link.near, link.near4, link.near6);
    set_up_end(far, link.far, link.far4, link.far6);
    await_carrier(near, link.near);
    await_carrier(far, link.far);
}

void make_bridge(const Netns& place, const char* name, const char* address)
{
    {
        const Inside inside(place);
        Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
        request.add(IFLA_IFNAME, name);
        const std::size_t info = request.open(IFLA_LINKINFO);
        request.add(IFLA_INFO_KIND, "bridge");
        request.close(info);
        request.send("make bridge");
    }
    set_up_end(place, name, address, nullptr);
}

void add_alias(const Netns& place, const char* link, const char* address)
{
    const Inside inside(place);
    add_address(link, address, 24);
}

void make_vxlan(const Netns& place, const char* name, const char* near, const char* far, const char* address)
{
    {
        const Inside inside(place);
        const auto v4 = [](const char* text) {
            in_addr bytes{};
            ::inet_pton(AF_INET, text, &bytes);
            return bytes;
        };
        const in_addr local = v4(near);
        const in_addr group = v4(far);
        const std::uint32_t number = 7;
        const std::uint16_t port = htons(4789);
        Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
        request.add(IFLA_IFNAME, name);
        const std::size_t info = request.open(IFLA_LINKINFO);
        request.add(IFLA_INFO_KIND, "vxlan");
        const std::size_t data = request.open(IFLA_INFO_DATA);
        request.add(IFLA_VXLAN_ID, &number, sizeof number);
        request.add(IFLA_VXLAN_LOCAL, &local, sizeof local);
        request.add(IFLA_VXLAN_GROUP, &group, sizeof group);
        request.add(IFLA_VXLAN_PORT, &port, sizeof port);
        request.close(data);
        request.close(info);
        request.send("make vxlan");
    }
    set_up_end(place, name, address, nullptr);
    await_carrier(place, name);
}

void make_macvlan(const Netns& lower, const char* link, const Netns& upper, const char* name, const char* address)
{
    {
        const Inside inside(lower);
        const std::uint32_t index = ::if_nametoindex(link);
        const std::uint32_t mode = MACVLAN_MODE_BRIDGE;
        const int fd = upper.fd();
        Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
        request.add(IFLA_IFNAME, name);
        request.add(IFLA_LINK, &index, sizeof index);
        request.add(IFLA_NET_NS_FD, &fd, sizeof fd);
        const std::size_t info = request.open(IFLA_LINKINFO);
        request.add(IFLA_INFO_KIND, "macvlan");
        const std::size_t data = request.open(IFLA_INFO_DATA);
        request.add(IFLA_MACVLAN_MODE, &mode, sizeof mode);
        request.close(data);
        request.close(info);
        request.send("make macvlan");
    }
    set_up_end(upper, name, address, nullptr);
    await_carrier(upper, name);
}

void make_vlan(const Netns& place, const char* link, const char* name, std::uint16_t id, const char* address)
{
    {
        const Inside inside(place);
        const std::uint32_t index = ::if_nametoindex(link);
        Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
        request.add(IFLA_IFNAME, name);
        request.add(IFLA_LINK, &index, sizeof index);
        const std::size_t info = request.open(IFLA_LINKINFO);
        request.add(IFLA_INFO_KIND, "vlan");
        const std::size_t data = request.open(IFLA_INFO_DATA);
        request.add(IFLA_VLAN_ID, &id, sizeof id);
        request.close(data);
        request.close(info);
        request.send("make vlan");
    }
    set_up_end(place, name, address, nullptr);
}

void add_port(const Netns& place, const char* bridge, const char* port)
{
    const Inside inside(place);
    ifinfomsg message{};
    message.ifi_index = static_cast<int>(::if_nametoindex(port));
    const std::uint32_t master = ::if_nametoindex(bridge);
    Request request(RTM_NEWLINK, 0, message);
    request.add(IFLA_MASTER, &master, sizeof master);
    request.send("make it a port of the bridge");
}

Fd make_tun(const char* name, const char* address)
{
    Fd fd(must(::open("/dev/net/tun", O_RDWR | O_CLOEXEC), "open /dev/net/tun"));
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    must(::ioctl(fd.get(), TUNSETIFF, &request), "make tun device");
    bring_up(name);
    add_address(name, address, 24);
    return fd;
}

bool allow_superpackets(const Netns& place, const char* link, std::uint32_t bytes)
{
    constexpr unsigned short gso_ipv4_max_size = 63; // of Linux 6.3: headers that are older do not name them
    constexpr unsigned short gro_ipv4_max_size = 64;
    const Inside inside(place);
    ifinfomsg message{};
    message.ifi_index = static_cast<int>(::if_nametoindex(link));
    Request request(RTM_NEWLINK, 0, message);
    for (const unsigned short type :
         {static_cast<unsigned short>(IFLA_GSO_MAX_SIZE), static_cast<unsigned short>(IFLA_GRO_MAX_SIZE),
          gso_ipv4_max_size, gro_ipv4_max_size}) {
        request.add(type, &bytes, sizeof bytes);
    }
    try {
        request.send("allow superpackets");
    } catch (const std::system_error&) {
        return false;
    }
    return true;
}

void forward_packets(const Netns& place)
{
    const Inside inside(place);
    const Fd file(must(::open("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_CLOEXEC), "open ip_forward"));
    must(::write(file.get(), "1", 1), "set ip_forward");
}

void disable_v6(const Netns& place)
{
    const Inside inside(place);
    for (const char* path :
         {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "/proc/sys/net/ipv6/conf/default/disable_ipv6"}) {
        const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
        if (file.get() >= 0) { // else there is no IPv6
            must(::write(file.get(), "1", 1), path);
        }
    }
}

void set_default_route(const Netns& place, const char* gateway)
{
    const Inside inside(place);
    in_addr address{};
    ::inet_pton(AF_INET, gateway, &address);
    rtmsg message{};
    message.rtm_family = AF_INET;
    message.rtm_table = RT_TABLE_MAIN;
    message.rtm_protocol = RTPROT_STATIC;
    message.rtm_scope = RT_SCOPE_UNIVERSE;
    message.rtm_type = RTN_UNICAST;
    Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, message);
    request.add(RTA_GATEWAY, &address, sizeof address);
    request.send("set default route");
}

} // namespace truth
