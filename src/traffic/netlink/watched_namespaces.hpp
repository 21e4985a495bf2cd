// SPDX-License-Identifier: MIT
// The network namespaces that the netlink backend measures, as they come and go. Each has a watch of its TCP sockets
// and, if allowed, a capture of its datagrams. This file knows no processes.
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
    /// Updates the namespaces (OtherNamespaces::update()). Returns whether it has entered one.
    bool update(const ProcessesSeen& seen, OtherNamespaces::When when);
    /// See OtherNamespaces::is_due().
    bool is_due(std::chrono::nanoseconds interval) const
    {
        return others_.is_due(OtherNamespaces::Clock::now(), interval);
    }
    /// These three functions do the same as in OtherNamespaces.
    void find_unlisted(const OwnerScanner& owners);
    std::size_t enter_unlisted() { return others_.enter_unlisted(); }
    std::size_t unlisted() const { return others_.unlisted(); }

    /// Returns the watches. The first is of our own namespace. It exists even if our own namespace is not measured,
    /// because its events are needed.
    const NamespaceWatches& all() const { return watches_; }
    NamespaceWatch& own() const { return *watches_.front(); }
    void each_wanted(const std::function<void(NamespaceWatch&)>& work) const;
    /// Returns the number of namespaces that could not be entered.
    std::size_t refused() const { return others_.refused(); }
    /// Returns a snapshot of the last dump of each namespace, with the number of opened connections read before that
    /// dump.
    Snapshot snapshot() const;

    /// Waits for the destroy events of all sockets destroyed before the call, and reads them.
    void settle(SocketTable::Phase phase) const;
    /// Waits up to `longest_wait` for the destroy events of sockets that neither the last dump nor an event has shown.
    void find_missing(std::chrono::milliseconds longest_wait) const;

private:
    std::size_t share() const;
    bool leave(Inode netns);
    void add(Inode netns, std::size_t capture_buffer, OtherNamespaces::Arrival arrival);
    NamespaceWatch::Udp capture(Inode netns, std::size_t buffer, OtherNamespaces::Arrival arrival);

    std::size_t capture_buffer_; // bytes for our own namespace; 0: datagrams are not captured
    Capture& datagrams_;
    OtherNamespaces others_;
    bool own_is_wanted_;
    SocketTable::Facts facts_;
    Trace trace_;
    bool is_open_ = false; // the first window has begun
    std::mutex adding_;    // held while a namespace is added, because several threads add them
    NamespaceWatches watches_;
};

} // namespace socktally
