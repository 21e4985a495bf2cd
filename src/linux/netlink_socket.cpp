// SPDX-License-Identifier: MIT
#include "linux/netlink_socket.hpp"

#include "linux/error.hpp"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace socktally {

namespace {

/// The size in bytes of the largest datagram of a dump (NLMSG_GOODSIZE, 32 KiB since Linux 4.4).
constexpr std::size_t buffer_size = 32 << 10;

constexpr std::size_t align(std::size_t length)
{
    return (length + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
}
static_assert(NLMSG_ALIGNTO == NLA_ALIGNTO);

template <typename Header>
bool read_header(std::span<const std::byte> bytes, Header& header)
{
    if (bytes.size() < sizeof header) {
        return false;
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    return true;
}

/// Returns the errno in an NLMSG_ERROR or NLMSG_DONE. The payload of both begins with a negative errno, or with 0.
int error_of(const NetlinkMessage& message)
{
    std::int32_t error = 0;
    if (message.payload.size() >= sizeof error) {
        std::memcpy(&error, message.payload.data(), sizeof error);
    }
    return error < 0 ? -error : 0;
}

} // namespace

bool next_message(std::span<const std::byte>& datagram, NetlinkMessage& message)
{
    nlmsghdr header{};
    if (!read_header(datagram, header) || header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) {
        datagram = {};
        return false;
    }
    message = {header.nlmsg_type, header.nlmsg_flags, header.nlmsg_seq,
               datagram.subspan(sizeof header, header.nlmsg_len - sizeof header)};
    datagram = datagram.subspan(std::min(align(header.nlmsg_len), datagram.size()));
    return true;
}

bool next_attribute(std::span<const std::byte>& attributes, NetlinkAttribute& attribute)
{
    nlattr header{};
    if (!read_header(attributes, header) || header.nla_len < sizeof header || header.nla_len > attributes.size()) {
        attributes = {};
        return false;
    }
    attribute = {static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
                 attributes.subspan(sizeof header, header.nla_len - sizeof header)};
    attributes = attributes.subspan(std::min(align(header.nla_len), attributes.size()));
    return true;
}

NetlinkSocket::NetlinkSocket(Mode mode, int protocol)
    : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (mode == Mode::nonblocking ? SOCK_NONBLOCK : 0), protocol)),
      buffer_(new std::byte[buffer_size])
{
    if (!fd_) {
        throw errno_error("cannot open a netlink socket");
    }
    // The socket is bound, so that it gets a port id. An unbound socket has port id 0, as the kernel does, and receives
    // no multicast.
    sockaddr_nl any{};
    any.nl_family = AF_NETLINK;
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) {
        throw errno_error("cannot bind a netlink socket");
    }
}

void NetlinkSocket::send(std::span<const std::byte> request) const
{
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const auto sent = ::sendto(fd_.get(), request.data(), request.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                               sizeof kernel);
    if (sent != static_cast<ssize_t>(request.size())) {
        throw errno_error("cannot ask the kernel through netlink");
    }
}

Received NetlinkSocket::receive(std::span<const std::byte>& datagram)
{
    sockaddr_nl sender{};
    iovec part{buffer_.get(), buffer_size};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t got = ::recvmsg(fd_.get(), &message, 0);
    if (got < 0) {
        if (errno == ENOBUFS) {
            return Received::overrun;
        }
        if (errno == EAGAIN || errno == EINTR) {
            return Received::nothing;
        }
        throw errno_error("cannot read from a netlink socket");
    }
    if (message.msg_namelen != sizeof sender || sender.nl_pid != 0 || (message.msg_flags & MSG_TRUNC) != 0) {
        return Received::foreign;
    }
    datagram = {buffer_.get(), static_cast<std::size_t>(got)};
    return Received::datagram;
}

std::size_t NetlinkSocket::grow_buffer(std::size_t bytes) const
{
    const int wanted = static_cast<int>(bytes);
    if (::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0) {
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
    }
    int got = 0;
    socklen_t size = sizeof got;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &got, &size);
    return static_cast<std::size_t>(got);
}

bool NetlinkSocket::join(unsigned group) const
{
    return ::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
}

std::uint32_t NetlinkSocket::drops() const
{
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t size = sizeof info;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_MEMINFO, info.data(), &size);
    return info[SK_MEMINFO_DROPS];
}

int exchange(NetlinkSocket& socket, std::span<std::byte> request,
             const std::function<void(const NetlinkMessage&)>& take)
{
    static_assert(offsetof(nlmsghdr, nlmsg_seq) == 8);
    std::uint32_t sequence = 0;
    std::memcpy(&sequence, request.data() + offsetof(nlmsghdr, nlmsg_seq), sizeof sequence);
    // A late reply to an earlier request has another sequence number.
    ++sequence;
    std::memcpy(request.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence, sizeof sequence);
    socket.send(request);

    bool inconsistent = false;
    while (true) {
        std::span<const std::byte> datagram;
        switch (socket.receive(datagram)) {
        case Received::overrun: return ENOBUFS;
        case Received::foreign: return EBADMSG;
        case Received::nothing: continue;
        case Received::datagram: break;
        }
        NetlinkMessage message;
        while (next_message(datagram, message)) {
            if (message.sequence != sequence) {
                continue;
            }
            inconsistent = inconsistent || (message.flags & NLM_F_DUMP_INTR) != 0;
            if (message.type == NLMSG_DONE || message.type == NLMSG_ERROR) {
                const int error = error_of(message);
                return error != 0 ? error : inconsistent ? EINTR : 0;
            }
            take(message);
        }
    }
}

} // namespace socktally
