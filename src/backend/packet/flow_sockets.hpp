// SPDX-License-Identifier: MIT
// From flows to sockets and their holders while they live: sockets are listed when flows come that no list has, and
// holders are looked for when sockets come that nobody is known to hold. Both at a bounded cost.
#pragma once

#include "backend/holders/holder_map.hpp"
#include "backend/netlink/dumper.hpp"
#include "backend/packet/flow_table.hpp"
#include "backend/sockets/socket_lookup.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace socktally {

class FlowSockets {
public:
    using Clock = std::chrono::steady_clock;

    FlowSockets();

    /// Holders first, then the sockets: one that comes in between is looked for when its packets come.
    void begin();
    /// Flows that are new, or used anew by another connection.
    void add(const std::vector<PacketFlow*>& flows);
    /// When look() has something to do; null: not before flows are added.
    std::optional<Clock::time_point> next_look() const;
    void look(Clock::time_point now);
    /// Forgets flows that are about to be retired.
    void drop(const PacketFlow& flow);
    /// Lists once more, and looks for every holder that is still missing.
    void finish(const std::vector<PacketFlow*>& flows);

    const std::vector<ListedSocket>& listed() const { return listed_; }
    HolderMap& holders() { return holders_; }
    std::size_t failed_lists() const { return failed_lists_; }

private:
    void list();
    bool list_by_diag(std::vector<ListedSocket>& sockets);
    bool resolve(PacketFlow& flow) const;
    void settle(PacketFlow& flow) const;
    const ListedSocket* one_of(const SocketMatch& match) const;
    void search(const std::vector<Inode>& wanted);

    std::optional<Dumper> dumper_; // null where the kernel has no sock_diag
    HolderMap holders_;
    std::vector<ListedSocket> listed_;
    SocketLookup lookup_;
    std::vector<PacketFlow*> pending_;
    Clock::time_point last_look_{};
    std::chrono::nanoseconds rest_{0};                // for which the last look's cost asks
    std::unordered_map<std::uint64_t, int> searches_; // by inode
    std::size_t failed_lists_ = 0;
};

} // namespace socktally
