// SPDX-License-Identifier: MIT
// What happens between the two dumps: destroy events are read, new connections noticed and their holders looked up
// while they live, at a bounded cost.
#pragma once

#include "backend/backend.hpp"
#include "backend/holders/holder_map.hpp"
#include "backend/netlink/closed_flows.hpp"
#include "backend/netlink/destroy_events.hpp"
#include "backend/netlink/dumper.hpp"
#include "backend/netlink/protocol_counters.hpp"
#include "backend/netlink/socket_table.hpp"

#include <chrono>
#include <cstddef>
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
    ClosedFlows closed;
};

class Window {
public:
    using Clock = std::chrono::steady_clock;
    enum class Closed : std::uint8_t { summed, kept };

    /// `begun` is when the first dump did.
    Window(NetlinkParts& parts, Clock::time_point begun, Closed closed) : parts_(parts), begun_(begun), closed_(closed)
    {
    }

    /// Returns when the window is over or was interrupted.
    void watch(Clock::time_point end, const SampleRequest& request);
    /// Looks that the kernel answered with an error.
    std::size_t failed_looks() const { return failed_looks_; }

private:
    void drain();
    void tick(Clock::time_point now);
    void look_for_new();
    void search();
    std::vector<Inode> worth_searching() const;

    NetlinkParts& parts_;
    Clock::time_point begun_;
    Closed closed_;
    std::uint64_t opens_ = 0; // Tcp opens at the last look
    bool unresolved_ = true;  // something may be new: sockets opened between the scan and the first dump
    Clock::time_point last_look_{};
    std::chrono::nanoseconds rest_{0};                // for which the last look's cost asks
    std::chrono::nanoseconds interval_{0};            // between looks; longer while they find nothing
    std::unordered_map<std::uint64_t, int> searches_; // by inode, of sockets that are not closed
    std::size_t failed_looks_ = 0;
};

} // namespace socktally
