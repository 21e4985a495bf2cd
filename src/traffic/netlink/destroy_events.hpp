// SPDX-License-Identifier: MIT
// The kernel's multicast of each TCP socket that is destroyed, with its last counters (SKNLGRP_INET_TCP_DESTROY and
// ..6..). No privilege is needed. An event has the cookie, but no inode and no uid.
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

    /// From here on events are kept. False if the kernel does not let us listen.
    bool listen();
    bool is_listening() const { return listening_; }
    /// Returns the descriptor to wait on: worth it only if the buffer is small, else each tick reads many events. -1:
    /// do not wait.
    int fd_to_watch() const { return small_buffer_ ? socket_.fd() : -1; }

    /// How many there were.
    std::size_t drain(const Take& take);
    /// Drains until the events of all sockets destroyed before now have arrived. The kernel sends them from a work
    /// queue of each CPU, in order, so this waits for the events of sockets of its own, one on each CPU. Calls
    /// `meanwhile` some fifty times a second. False if one of them did not come, or events were dropped.
    bool settle(const Take& take, const std::function<void()>& meanwhile);
    /// Events that the kernel had to drop, or that made no sense.
    std::uint64_t lost() const { return socket_.drops() + garbled_; }

private:
    NetlinkSocket socket_;
    bool listening_ = false;
    bool small_buffer_ = true;
    std::uint64_t garbled_ = 0;
};

} // namespace socktally
