// SPDX-License-Identifier: MIT
// The network namespaces of netlink's samples as they come and go: a watch of the TCP sockets of each, and a capture of
// its datagrams if allowed. It knows nothing of processes.
#pragma once

#include "owners/unlisted_sockets.hpp"
#include "traffic/backend.hpp"
#include "traffic/namespaces.hpp"
#include "traffic/netlink/new_connections.hpp"
#include "traffic/packet/capture.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

namespace socktally {

class WatchedNamespaces {
public:
    WatchedNamespaces(const BackendOptions& options, Capture& datagrams);

    /// Enters our own namespace and all others.
    void enter_first(const ProcessesSeen& seen);
    /// Updates the namespaces (OtherNamespaces::update()). Returns true if it has entered one.
    bool update(const ProcessesSeen& seen, OtherNamespaces::When when);
    /// See OtherNamespaces::is_due().
    bool is_due(std::chrono::nanoseconds interval) const
    {
        return others_.is_due(OtherNamespaces::Clock::now(), interval);
    }
    /// See OtherNamespaces for these three.
    void find_unlisted(const OwnerScanner& owners);
    std::size_t enter_unlisted() { return others_.enter_unlisted(); }
    std::size_t unlisted() const { return others_.unlisted(); }

    /// Returns the watches. Our own namespace is first, even if only its events are needed.
    const NamespaceWatches& all() const { return watches_; }
    NamespaceWatch& own() const { return *watches_.front(); }
    void each_wanted(const std::function<void(NamespaceWatch&)>& work) const;
    /// Returns the number of namespaces that could not be entered.
    std::size_t refused() const { return others_.refused(); }
    /// Returns a snapshot of the last dumps, with the counts of connections read before each.
    Snapshot snapshot() const;

    /// Takes the events of all sockets destroyed before now.
    void settle(SocketTable::Phase phase) const;
    /// Waits up to `longest_wait` for events of sockets that neither the last dump nor an event has shown.
    void find_missing(std::chrono::milliseconds longest_wait) const;

private:
    std::size_t share() const;
    bool leave(Inode netns);
    void add(Inode netns, std::size_t capture_buffer, OtherNamespaces::Arrival arrival);
    NamespaceWatch::Udp capture(Inode netns, std::size_t buffer, OtherNamespaces::Arrival arrival);

    std::size_t capture_buffer_; // 0: datagrams are not captured
    Capture& datagrams_;
    OtherNamespaces others_;
    bool own_is_wanted_;
    SocketTable::Facts facts_;
    Trace trace_;
    bool is_open_ = false; // a window has begun
    std::mutex adding_;    // several threads add namespaces
    NamespaceWatches watches_;
};

} // namespace socktally
