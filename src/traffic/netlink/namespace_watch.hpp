// SPDX-License-Identifier: MIT
// The sockets of one network namespace over one window after another: its dumps, its destroy events, its counters, and
// what was missed. Knows nothing of processes and of other namespaces.
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

    /// Opens what it needs in the network namespace that the calling thread is in; works from anywhere afterwards.
    /// Throws if the kernel refuses.
    enum class Udp : std::uint8_t { listed, left_out };
    NamespaceWatch(Inode netns, Udp udp, SocketTable::Facts facts, Trace trace);

    Inode netns() const { return netns_; }
    /// Adds the counters of the last dump.
    void add_to(Snapshot& snapshot) const;

    void listen();
    /// The first dump, with another one if sockets went meanwhile.
    Dumper::Dumped open();
    /// Once the events of everything before the window are in.
    void begin();
    /// Both, for a namespace that was there before the window and could not be entered then. From within it.
    void begin_late();
    /// Instead, for a namespace that was not there at `before`: all that its sockets have moved counts.
    void begin_new(Clock::time_point before);
    /// Begins the next window where the last one ended, and drops the data of the last one.
    void next_window();
    /// Returns true if connections were opened since the last call, or if that is unknown.
    bool has_new_connections();
    /// Sockets that came since the last dump, without counters.
    void list();
    /// Returns which of these their process has not closed: closed ones have no inode.
    std::vector<Inode> still_open(const std::vector<Inode>& inodes);
    /// Makes the last dump, which is the only one for totals since each socket was opened.
    Dumper::Dumped close(const std::function<void()>& meanwhile = [] {});
    /// Another dump if the kernel says that more connections were opened than any showed. False if none was
    /// needed.
    bool close_again(const std::function<void()>& meanwhile);

    /// Takes the events that are there; how many there were.
    std::size_t drain(SocketTable::Phase phase, const Closed& closed = {});
    /// Waits for the events of all sockets in this namespace that were destroyed before now.
    void settle(SocketTable::Phase phase, const std::function<void()>& meanwhile);
    int fd_to_watch() const { return events_.fd_to_watch(); }

    /// Looks for the sockets that were there and are neither in the last dump nor destroyed; how many are left.
    std::size_t find_missing();

    const SocketTable& table() const { return table_; }
    const std::vector<Flow>& udp_flows() const { return udp_.flows(); }
    const UncountedSockets& uncounted() const { return uncounted_; }
    void forget(Cookie cookie) { table_.forget(cookie); }
    bool saw_traffic() const;
    /// Adds the inodes of all sockets that were listed.
    void add_listed(std::vector<Inode>& inodes) const;
    /// Inodes of the sockets that have to have a holder.
    std::vector<Inode> live_inodes() const;

    /// Returns what could not be seen in the window that is over.
    Faults faults(bool totals_only);
    /// Hands over all flows: if they are moved, no other window can follow.
    enum class Flows : std::uint8_t { moved, copied };
    void hand_over(std::vector<Flow>& flows, Flows how);
    /// If it is true, and no process lives in the namespace, there is nothing left to watch.
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
    Clock::time_point known_since_{};                 // what moved since then is in the table
    Clock::time_point last_dump_{};                   // when it began
    std::uint64_t opens_ = 0;                         // at the last call of has_new_connections()
    std::optional<ProtocolCounters> counters_before_; // the first dump
    std::optional<ProtocolCounters> first_counters_;  // of the window
    std::optional<ProtocolCounters> last_counters_;
    std::optional<std::uint64_t> datagrams_before_; // the window
    std::uint64_t events_lost_before_ = 0;          // the window
    std::uint64_t events_lost_told_ = 0;            // by faults(), of all windows
    std::uint64_t garbled_before_ = 0;              // the same
    bool lost_lately_ = false;                      // an event, in the last window
    bool last_dump_disturbed_ = false;
};

} // namespace socktally
