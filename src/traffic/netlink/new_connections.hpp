// SPDX-License-Identifier: MIT
// Watches for connections that open and close between two dumps of netlink, so that they are counted with their owners.
//
// The kernel announces each closed TCP socket with its last counters (destroy_events.hpp), but without its inode. So
// such a connection has an owner only if a list showed its socket while it was open, and a search found the process. A
// list of all sockets walks the kernel's hash, so sockets are listed only when something is new:
//
//   - Every 10 ms (a tick) the announcements are read, and also the network namespace's count of opened connections
//     (/proc/net/snmp, about twenty microseconds): in each namespace that had a new connection in the last second, and
//     in 32 of the others in turn. If ticks take more than a quarter of the time, they become rarer.
//   - When that count has grown, the sockets are listed without counters, and owners that no scan has shown are
//     searched for, at most every 20 ms (SearchPace, in owner_scanner.hpp).
//   - While owners are missing (a connection that nobody accepts, a socket of the kernel), this is repeated ever less
//     often.
//   - Some milliseconds after an owner was found, it is read again (OwnerScanner::confirm()).
//
// If datagrams are captured, they are also taken from their ring every 10 ms.
#pragma once

#include "owners/owner_scanner.hpp"
#include "traffic/backend.hpp"
#include "traffic/netlink/namespace_watch.hpp"
#include "traffic/packet/capture.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace socktally {

/// Sums of the connections that were closed in the window, so that a long window on a busy machine need not remember
/// each. Used only if nothing in the output depends on single connections.
class ClosedFlows {
public:
    /// The connections of one sum have the same owners. by_peer: they also have the same addresses and the same port of
    /// the service; the other port may be any.
    enum class Sums : std::uint8_t { by_owner, by_peer };
    explicit ClosedFlows(Sums sums) : by_(sums) {}

    /// Adds the flow to a sum. Returns whether its inode is still needed to find the owners of the sum: if there are
    /// several owners, attribute() chooses among them after the window.
    bool add(const Flow& flow, Inode netns, const OwnerScanner& owners);
    /// Adds one flow for each sum to `flows`, attributed if there is one owner.
    void move_to(std::vector<Flow>& flows);

private:
    struct Key {
        std::vector<std::uint32_t> processes; // sorted
        std::optional<Uid> uid;               // of the socket, if no process is known
        std::uint64_t cgroup_id = 0;          // of the socket, if no process is known
        Inode netns;
        bool is_silent = false; // moved nothing, so printed only on request
        Tuple tuple;            // this and what follows: set by peer
        bool accepted = false;
        std::uint32_t interface = 0;
        auto operator<=>(const Key&) const = default;
    };
    Key key_of(const Flow& flow, Inode netns, const OwnerScanner& owners) const;

    Sums by_;
    std::map<Key, Flow> sums_;
};

using NamespaceWatches = std::vector<std::unique_ptr<NamespaceWatch>>;

class NewConnectionWatcher {
public:
    using Clock = std::chrono::steady_clock;

    /// Without `sums`, closed connections stay in the tables of their namespaces.
    NewConnectionWatcher(Capture& datagrams, OwnerScanner& owners, std::optional<ClosedFlows::Sums> sums)
        : datagrams_(datagrams), owners_(owners)
    {
        if (sums) {
            closed_.emplace(*sums);
        }
    }

    /// Sets the namespaces of the next window. Keeps the data of known namespaces.
    void set_namespaces(const NamespaceWatches& watches);
    /// Waits until the window ends or is interrupted. Calls `now_and_then` about four times a second.
    void watch(Clock::time_point end, const SampleRequest& request, const std::function<void()>& now_and_then);
    /// Traces the owners of the sockets for -vv.
    void trace_owners() const;
    /// Moves the sums of closed connections to `flows`.
    void move_closed_to(std::vector<Flow>& flows)
    {
        if (closed_) {
            closed_->move_to(flows);
        }
    }

private:
    struct Watched {
        NamespaceWatch* watch = nullptr;
        bool unresolved = false; // some sockets may lack an owner
        SearchPace pace{};
        Clock::time_point busy_until{}; // connections are checked at every tick until then
    };

    void drain(Watched& watched);
    void hand_on(Watched& watched);
    void drain_all();
    void take_datagrams(Clock::time_point now);
    void check_for_connections(Clock::time_point now);
    void tick(Clock::time_point now);
    void search(Clock::time_point now);
    bool is_unresolved(const Watched& watched) const;
    void search_again(const std::vector<Inode>& missed);
    void show_accepted(const std::vector<Inode>& inodes);

    MissedSockets missed_;
    std::vector<Watched> watched_;
    Capture& datagrams_; // empty if packets cannot be captured
    OwnerScanner& owners_;
    std::optional<ClosedFlows> closed_;
    Clock::time_point next_tick_{};
    std::size_t next_idle_ = 0;  // index in watched_ of the next idle namespace to check
    Clock::time_point rested_{}; // end of the pause after the last search
};

} // namespace socktally
