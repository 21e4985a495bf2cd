// SPDX-License-Identifier: MIT
// A netlink socket and the framing of its messages: lengths and errors. It does not parse payloads.
#pragma once

#include "linux/fd.hpp"

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace socktally {

/// One netlink message: fields of its header, and the payload after the header.
struct NetlinkMessage {
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    std::uint32_t sequence = 0;
    std::span<const std::byte> payload;
};

/// Cuts the first message off the front of `datagram`. Returns false at the end, or if a length is invalid.
bool next_message(std::span<const std::byte>& datagram, NetlinkMessage& message);

/// One attribute (struct nlattr); next_attribute() cuts attributes off the front in the same way.
struct NetlinkAttribute {
    std::uint16_t type = 0;
    std::span<const std::byte> payload;
};
bool next_attribute(std::span<const std::byte>& attributes, NetlinkAttribute& attribute);

enum class Received : std::uint8_t {
    datagram,
    nothing, // a non-blocking socket has no message, or a signal came
    overrun, // ENOBUFS: the kernel dropped messages
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

    /// Asks for a receive buffer of `bytes`, beyond net.core.rmem_max if we may. Returns the size granted, in bytes.
    std::size_t grow_buffer(std::size_t bytes) const;
    /// Joins a multicast group. Returns false if the kernel refuses.
    bool join(unsigned group) const;
    /// Returns how many messages were dropped so far because the receive buffer was full (SK_MEMINFO_DROPS).
    std::uint32_t drops() const;

private:
    Fd fd_;
    std::unique_ptr<std::byte[]> buffer_; // not zeroed, so it uses no memory before it is written to
};

/// Sends `request` (a struct nlmsghdr and its payload; the sequence is filled in) and passes each message of the reply
/// to `take`. The request must have NLM_F_DUMP or NLM_F_ACK set, so that the reply has an end. Returns 0, or the errno
/// with which the kernel ended the reply. EINTR means that the kernel marked a dump as inconsistent (NLM_F_DUMP_INTR).
int exchange(NetlinkSocket& socket, std::span<std::byte> request,
             const std::function<void(const NetlinkMessage&)>& take);

} // namespace socktally
