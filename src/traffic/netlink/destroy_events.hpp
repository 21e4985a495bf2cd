// SPDX-License-Identifier: MIT
// Receives an event for each TCP socket that the kernel destroys (netlink groups SKNLGRP_INET_TCP_DESTROY and
// SKNLGRP_INET6_TCP_DESTROY). An event has the last counters of the socket and its cookie, but no inode and no uid. No
// privilege is needed.
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
    /// Returns the descriptor of the events if the receive buffer is small, else -1. A small buffer may be full before
    /// the next tick, so the caller must wait on the descriptor too.
    int fd_to_watch() const { return small_buffer_ ? socket_.fd() : -1; }

    /// Passes all waiting events to `take`. Returns the number of events.
    std::size_t drain(const Take& take);
    /// Reads events until the events of all sockets destroyed before the call have come. Each CPU has a work queue that
    /// sends its events in order. So settle() destroys a socket of its own on each CPU, and waits for the events of
    /// these sockets. It calls `meanwhile` about fifty times a second. Returns false if the event of one of its own
    /// sockets has not come in time. It waits less long if events were dropped.
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
