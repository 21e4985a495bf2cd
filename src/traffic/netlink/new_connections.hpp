// SPDX-License-Identifier: MIT
// Watches for connections that are opened and closed between two dumps of netlink, to count their bytes and find their
// owners.
//
// The kernel sends an event for each closed TCP socket with its last counters, but without its inode
// (destroy_events.hpp). So the owner of such a connection is known only if a list showed the socket while it was open,
// and a search found the process. A list of all sockets walks the kernel's hash table, which is costly. So sockets are
// listed only when there are new connections:
//
//   - Every 10 ms (a tick) the events of all namespaces are read. The tick also reads the number of opened connections
//     (/proc/net/snmp, which takes about twenty microseconds): in each namespace that had a new connection in the last
//     second, and in 32 of the other namespaces, in turn. If ticks take more than a quarter of the time, they become
//     rarer.
//   - If this number has grown in a namespace, the sockets of the namespace are listed without counters, and unknown
//     owners are searched for. This happens at most every 20 ms (SearchPace, in owner_scanner.hpp).
//   - If owners are still missing (a connection that no process accepts, a socket of the kernel), list and search are
//     repeated, ever less often.
//   - Some milliseconds after a search has found an owner, its descriptors are read again (OwnerScanner::confirm()).
//
// If datagrams are captured, they are read from their ring every 10 ms too.
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

/// Sums of connections that were closed in the window. A long window on a busy machine then does not have to remember
/// each connection. Sums are used only if no output needs single connections.
class ClosedFlows {
public:
    /// The facts that all connections of a sum share. by_owner: the owners. by_service: the owners; if they are not
    /// known and the connections were accepted, the local endpoint, which shows who listened. by_peer: the owners, both
    /// addresses and the port of the service, but not the port of the client.
    enum class Sums : std::uint8_t { by_owner, by_service, by_peer };
    explicit ClosedFlows(Sums sums) : by_(sums) {}

    /// Adds the flow to a sum. Returns whether the inode of the flow is still needed. It is needed if the sum has
    /// several owners, because attribute() chooses among them after the window.
    bool add(const Flow& flow, Inode netns, const OwnerScanner& owners);
    /// Adds a flow for each sum to `flows`, and removes the sums. The flow of a sum with exactly one owner is already
    /// attributed.
    void move_to(std::vector<Flow>& flows);

private:
    struct Key {
        std::vector<std::uint32_t> processes; // sorted
        std::optional<Uid> uid;               // user of the socket, if no process is known
        std::uint64_t cgroup_id = 0;          // cgroup of the socket, if no process is known
        Inode netns;
        bool is_silent = false; // the connections moved nothing, and are printed only on request
        Tuple tuple;            // set only if the sums are not by_owner, like the two fields below
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

    /// If `sums` is null, closed connections stay in the tables of their namespaces.
    NewConnectionWatcher(Capture& datagrams, OwnerScanner& owners, std::optional<ClosedFlows::Sums> sums)
        : datagrams_(datagrams), owners_(owners)
    {
        if (sums) {
            closed_.emplace(*sums);
        }
    }

    /// Sets the namespaces to watch. Keeps the data of namespaces that were already watched.
    void set_namespaces(const NamespaceWatches& watches);
    /// Watches the namespaces until the window ends or is interrupted. Calls `now_and_then` about four times a second.
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
        bool unresolved = false; // the owner of some sockets may be missing
        SearchPace pace{};
        Clock::time_point busy_until{}; // every tick checks for new connections until this time
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
