// SPDX-License-Identifier: MIT
// A netlink socket and the framing of its messages. It knows lengths and errors, not what is inside.
#pragma once

#include "linux/fd.hpp"

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace socktally {

/// One netlink message: the header's type and what follows the header.
struct NetlinkMessage {
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    std::uint32_t sequence = 0;
    std::span<const std::byte> payload;
};

/// Cuts the first message off the front of `datagram`; false at its end, and if a length makes no sense.
bool next_message(std::span<const std::byte>& datagram, NetlinkMessage& message);

/// One attribute (struct nlattr), cut off the front in the same way.
struct NetlinkAttribute {
    std::uint16_t type = 0;
    std::span<const std::byte> payload;
};
bool next_attribute(std::span<const std::byte>& attributes, NetlinkAttribute& attribute);

enum class Received : std::uint8_t {
    datagram,
    nothing, // a non-blocking socket has nothing, or a signal came
    overrun, // ENOBUFS: the kernel dropped something
    foreign, // not from the kernel, or longer than the buffer
};

class NetlinkSocket {
public:
    enum class Mode : std::uint8_t { blocking, nonblocking };
    /// Throws if the kernel has no such netlink family or forbids it.
    explicit NetlinkSocket(Mode mode, int protocol = NETLINK_SOCK_DIAG);

    int fd() const { return fd_.get(); }
    void send(std::span<const std::byte> request) const;
    Received receive(std::span<const std::byte>& datagram);

    /// Asks for a receive buffer of `bytes`, if allowed beyond net.core.rmem_max. Returns what it got, in bytes.
    std::size_t grow_buffer(std::size_t bytes) const;
    /// Joins a multicast group; false if the kernel refuses.
    bool join(unsigned group) const;
    /// Returns how many messages were dropped so far because the receive buffer was full (SK_MEMINFO_DROPS).
    std::uint32_t drops() const;

private:
    Fd fd_;
    std::unique_ptr<std::byte[]> buffer_; // not zeroed: it takes memory if it is used
};

/// Sends `request` (a struct nlmsghdr with its payload; the sequence is filled in) and hands each message of the reply
/// to `take`. The request must have NLM_F_DUMP or NLM_F_ACK set, which gives the reply an end. Returns the errno with
/// which the kernel ended it, or 0; EINTR stands for a dump that the kernel itself marked inconsistent
/// (NLM_F_DUMP_INTR).
int exchange(NetlinkSocket& socket, std::span<std::byte> request,
             const std::function<void(const NetlinkMessage&)>& take);

} // namespace socktally
