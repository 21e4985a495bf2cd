// SPDX-License-Identifier: MIT
// What happens between the two dumps: destroy events are read, new connections noticed and their holders looked up while
// they live, at a bounded cost.
#pragma once

#include "backend/backend.hpp"
#include "backend/holders/holder_map.hpp"
#include "backend/netlink/destroy_events.hpp"
#include "backend/netlink/dumper.hpp"
#include "backend/netlink/protocol_counters.hpp"
#include "backend/netlink/socket_table.hpp"

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace socktally {

/// Everything a netlink sample is made of; each part knows nothing of the others.
struct NetlinkParts {
    DestroyEvents events;
    Dumper dumper;
    ProtocolCountersReader counters;
    SocketTable table;
    HolderMap holders;
};

class Window {
public:
    explicit Window(NetlinkParts& parts) : parts_(parts) {}

    /// Returns when the window is over or was interrupted.
    void watch(std::chrono::steady_clock::time_point end, const SampleRequest& request);

private:
    using Clock = std::chrono::steady_clock;

    void tick(Clock::time_point now);
    void drain();
    void look_for_new();
    void search();
    std::vector<Inode> unheld() const;

    NetlinkParts& parts_;
    std::uint64_t opens_ = 0;       // Tcp opens at the last look
    bool unresolved_ = true;        // something may be new: sockets opened between the scan and the first dump
    Clock::time_point next_look_{}; // not before
    std::unordered_map<std::uint64_t, int> searches_; // by inode
};

} // namespace socktally
