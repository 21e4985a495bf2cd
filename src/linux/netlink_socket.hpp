// SPDX-License-Identifier: MIT
// A netlink socket. Handles the headers of netlink messages: lengths, sequence numbers and errors. Does not parse the
// payloads.
#pragma once

#include "linux/fd.hpp"

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace socktally {

/// One netlink message: some fields of its header, and its payload.
struct NetlinkMessage {
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    std::uint32_t sequence = 0;
    std::span<const std::byte> payload;
};

/// Cuts the first message off the front of `datagram`. Returns false if `datagram` has no message, or if the length of
/// the message is invalid.
bool next_message(std::span<const std::byte>& datagram, NetlinkMessage& message);

/// One attribute (struct nlattr). next_attribute() cuts the first attribute off the front of `attributes`, as
/// next_message() does with messages.
struct NetlinkAttribute {
    std::uint16_t type = 0;
    std::span<const std::byte> payload;
};
bool next_attribute(std::span<const std::byte>& attributes, NetlinkAttribute& attribute);

enum class Received : std::uint8_t {
    datagram,
    nothing, // a non-blocking socket has no message, or a signal came
    overrun, // the kernel dropped messages (ENOBUFS)
    foreign, // the datagram is not from the kernel, or is longer than the buffer
};

class NetlinkSocket {
public:
    enum class Mode : std::uint8_t { blocking, nonblocking };
    /// Throws std::system_error if the kernel does not have this netlink family, or forbids its use.
    explicit NetlinkSocket(Mode mode, int protocol = NETLINK_SOCK_DIAG);

    int fd() const { return fd_.get(); }
    void send(std::span<const std::byte> request) const;
    Received receive(std::span<const std::byte>& datagram);

    /// Asks for a receive buffer of `bytes`. With CAP_NET_ADMIN, it may be larger than net.core.rmem_max. Returns the
    /// size in bytes that the kernel granted.
    std::size_t grow_buffer(std::size_t bytes) const;
    /// Joins a multicast group. Returns false if the kernel refuses.
    bool join(unsigned group) const;
    /// Returns how many messages the kernel has dropped so far because the receive buffer was full (SK_MEMINFO_DROPS).
    std::uint32_t drops() const;

private:
    Fd fd_;
    std::unique_ptr<std::byte[]> buffer_; // not zeroed: the buffer takes no memory until it is used
};

/// Sends `request`, a struct nlmsghdr with its payload, and calls `take` with each message of the reply. Sets the
/// sequence number in `request`. The request must have NLM_F_DUMP or NLM_F_ACK, because otherwise the reply has no end.
/// Returns 0, or the errno with which the kernel ended the reply. EINTR means that the kernel marked the dump as
/// inconsistent (NLM_F_DUMP_INTR).
int exchange(NetlinkSocket& socket, std::span<std::byte> request,
             const std::function<void(const NetlinkMessage&)>& take);

} // namespace socktally
