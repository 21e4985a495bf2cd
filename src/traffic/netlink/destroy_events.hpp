// SPDX-License-Identifier: MIT
// The kernel's multicast about each TCP socket that is destroyed, with its last counters (SKNLGRP_INET_TCP_DESTROY and
// SKNLGRP_INET6_TCP_DESTROY). It needs no privilege. An event has the cookie, but no inode and no uid.
#pragma once

#include "linux/netlink_socket.hpp"
#include "sockets/sock_diag.hpp"

#include <cstdint>
#include <functional>

namespace socktally {

class DestroyEvents {
public:
    using Take = std::function<void(const Socket&)>;

    DestroyEvents();

    /// Starts to receive events. Returns false if the kernel refuses.
    bool listen();
    bool is_listening() const { return listening_; }
    /// Returns the descriptor to wait on, or -1 for not waiting: only a small buffer needs it, else each tick reads
    /// many events.
    int fd_to_watch() const { return small_buffer_ ? socket_.fd() : -1; }

    /// Passes all waiting events to `take`. Returns their number.
    std::size_t drain(const Take& take);
    /// Drains until the events of all sockets destroyed before the call have arrived. The kernel sends them in order,
    /// from a work queue of each CPU, so this destroys one socket on each CPU and waits for those events. Calls
    /// `meanwhile` about fifty times a second. Returns false if one of these events did not come, or if events were
    /// dropped.
    bool settle(const Take& take, const std::function<void()>& meanwhile);
    /// Returns the number of events that the kernel dropped or that were invalid.
    std::uint64_t lost() const { return socket_.drops() + garbled_; }

private:
    NetlinkSocket socket_;
    bool listening_ = false;
    bool small_buffer_ = true;
    std::uint64_t garbled_ = 0;
};

} // namespace socktally
