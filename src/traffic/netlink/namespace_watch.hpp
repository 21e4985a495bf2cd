// SPDX-License-Identifier: MIT
// Watches the sockets of one network namespace, window after window. Makes dumps, reads destroy events and counters,
// and counts what was missed. The watch knows no processes and no other namespaces.
#pragma once

#include "sockets/sock_diag.hpp"
#include "traffic/faults.hpp"
#include "traffic/listed_sockets.hpp"
#include "traffic/netlink/destroy_events.hpp"
#include "traffic/netlink/socket_table.hpp"
#include "traffic/protocol_counters.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace socktally {

class NamespaceWatch {
public:
    using Clock = std::chrono::steady_clock;
    using Closed = std::function<void(const Flow&)>;

    /// Opens netlink sockets and /proc files in the network namespace of the calling thread. The watch can then be used
    /// from any namespace. Throws if the kernel refuses. `udp` says whether UDP sockets are listed too.
    enum class Udp : std::uint8_t { listed, left_out };
    NamespaceWatch(Inode netns, Udp udp, SocketTable::Facts facts, Trace trace);

    Inode netns() const { return netns_; }
    /// Adds the counters of the last dump to the snapshot.
    void add_to(Snapshot& snapshot) const;

    void listen();
    /// Makes the first dump, and another one if sockets closed during it.
    Dumper::Dumped open();
    /// Begins the window. The caller must already have read the destroy events of all sockets that were closed before.
    void begin();
    /// Makes the first dump and begins the window at once. For a namespace that existed before the window, but could
    /// not be entered then. Call it inside the namespace.
    void begin_late();
    /// Begins the window in a namespace that did not exist at the time `before`. All bytes of its sockets count.
    void begin_new(Clock::time_point before);
    /// Begins the next window where the last one ended. Drops the data of the last window.
    void next_window();
    /// Returns whether connections were opened since the last call; true if the kernel's count cannot be read.
    bool has_new_connections();
    /// Lists the sockets, but not their counters, to find sockets that were opened since the last dump.
    void list();
    /// Returns the inodes whose sockets are still open. `inodes` must be sorted. (The kernel shows a closed socket
    /// without inode.)
    std::vector<Inode> still_open(const std::vector<Inode>& inodes);
    /// Makes the dump that ends the window. For totals, it is the only dump.
    Dumper::Dumped close(const std::function<void()>& meanwhile = [] {});
    /// Makes another dump if the kernel has counted more new connections than were seen. Returns whether it has made
    /// one.
    bool close_again(const std::function<void()>& meanwhile);

    /// Reads all waiting destroy events. Calls `closed` with the flow of each socket that has ended. Returns the number
    /// of events.
    std::size_t drain(SocketTable::Phase phase, const Closed& closed = {});
    /// Waits for the destroy events of all sockets of this namespace that were destroyed before the call, and reads
    /// them.
    void settle(SocketTable::Phase phase, const std::function<void()>& meanwhile);
    int fd_to_watch() const { return events_.fd_to_watch(); }

    /// Looks up each known socket that neither the last dump nor a destroy event has shown. Returns the number of
    /// sockets that are still missing.
    std::size_t find_missing();

    const SocketTable& table() const { return table_; }
    const std::vector<Flow>& udp_flows() const { return udp_.flows(); }
    const UncountedSockets& uncounted() const { return uncounted_; }
    void forget(Cookie cookie) { table_.forget(cookie); }
    bool saw_traffic() const;
    /// Adds the inodes of all sockets that were listed.
    void add_listed(std::vector<Inode>& inodes) const;
    /// Returns the inodes of open sockets. A process must hold each of these sockets.
    std::vector<Inode> live_inodes() const;

    /// Returns what the watch could not see in the last window.
    Faults faults(bool totals_only);
    /// Adds all flows of the window to `flows`. After Flows::moved the watch has no flows left, so no window can
    /// follow.
    enum class Flows : std::uint8_t { moved, copied };
    void hand_over(std::vector<Flow>& flows, Flows how);
    /// Returns whether the namespace has no sockets. If it has no process either, it need not be watched any longer.
    bool is_empty() const { return table_.is_empty() && udp_.flows().empty(); }

private:
    Dumper::Dumped dump_at_end(const std::function<void()>& meanwhile);
    void list_udp();
    bool udp_silent() const;
    std::size_t connections_missed() const;
    std::size_t connections_missed_by_first_dump();
    SocketTable::Age age() const;

    Inode netns_;
    Udp what_of_udp_;
    DestroyEvents events_;
    Dumper dumper_;
    ProtocolCountersReader counters_;
    SocketTable table_;
    UdpSockets udp_;
    UncountedSockets uncounted_{counters_};
    Faults faults_;
    Clock::time_point known_since_{};                 // the table has all bytes that moved after this time
    Clock::time_point last_dump_{};                   // when the last dump began
    std::uint64_t opens_ = 0;                         // number of opened connections at the last has_new_connections()
    std::optional<ProtocolCounters> counters_before_; // kernel's counters before the first dump
    std::optional<ProtocolCounters> first_counters_;  // kernel's counters when the window began
    std::optional<ProtocolCounters> last_counters_;
    std::optional<std::uint64_t> datagrams_before_; // number of datagrams moved before the window
    std::uint64_t events_lost_before_ = 0;          // number of destroy events lost before the window
    std::uint64_t events_lost_told_ = 0;            // number of destroy events lost before the last faults()
    std::uint64_t garbled_before_ = 0;              // number of invalid messages before the window
    bool lost_lately_ = false;                      // destroy events were lost in the last window
    bool last_dump_disturbed_ = false;
};

} // namespace socktally
