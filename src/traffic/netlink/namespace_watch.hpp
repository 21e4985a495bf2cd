// SPDX-License-Identifier: MIT
// The sockets of one network namespace in one window after another: its dumps, its destroy events, its counters, and
// what was missed. It knows nothing of processes and of other namespaces.
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

    /// Opens the sockets and files that it needs in the calling thread's network namespace. It can then be used from
    /// any namespace. Throws if the kernel refuses.
    enum class Udp : std::uint8_t { listed, left_out };
    NamespaceWatch(Inode netns, Udp udp, SocketTable::Facts facts, Trace trace);

    Inode netns() const { return netns_; }
    /// Adds the counters of the last dump.
    void add_to(Snapshot& snapshot) const;

    void listen();
    /// Makes the first dump, and another one if sockets closed during it.
    Dumper::Dumped open();
    /// Begins the window. Call it when the events of all earlier changes have been taken.
    void begin();
    /// Opens and begins at once, inside the namespace, if it existed before the window but could not be entered then.
    void begin_late();
    /// Begins a namespace that did not exist at `before`: all that its sockets have moved counts.
    void begin_new(Clock::time_point before);
    /// Begins the next window where the last one ended, and drops the data of the last one.
    void next_window();
    /// Returns true if connections were opened since the last call, or if that is unknown.
    bool has_new_connections();
    /// Lists sockets without counters, for those opened since the last dump.
    void list();
    /// Returns those of these sockets that their process has not closed (closed ones have no inode).
    std::vector<Inode> still_open(const std::vector<Inode>& inodes);
    /// Makes the last dump, which is the only one for totals since each socket was opened.
    Dumper::Dumped close(const std::function<void()>& meanwhile = [] {});
    /// Makes another dump if the kernel has counted more connections than were seen. Returns false if none was needed.
    bool close_again(const std::function<void()>& meanwhile);

    /// Takes all waiting events. Returns their number.
    std::size_t drain(SocketTable::Phase phase, const Closed& closed = {});
    /// Waits for the events of all sockets of this namespace that were destroyed before the call.
    void settle(SocketTable::Phase phase, const std::function<void()>& meanwhile);
    int fd_to_watch() const { return events_.fd_to_watch(); }

    /// Looks up known sockets that are neither in the last dump nor destroyed. Returns how many are still missing.
    std::size_t find_missing();

    const SocketTable& table() const { return table_; }
    const std::vector<Flow>& udp_flows() const { return udp_.flows(); }
    const UncountedSockets& uncounted() const { return uncounted_; }
    void forget(Cookie cookie) { table_.forget(cookie); }
    bool saw_traffic() const;
    /// Adds the inodes of all sockets that were listed.
    void add_listed(std::vector<Inode>& inodes) const;
    /// Returns the inodes of the sockets that a process must hold.
    std::vector<Inode> live_inodes() const;

    /// Returns what could not be seen in the last window.
    Faults faults(bool totals_only);
    /// Adds all flows to `flows`. If they are moved, no window can follow.
    enum class Flows : std::uint8_t { moved, copied };
    void hand_over(std::vector<Flow>& flows, Flows how);
    /// Returns whether there are no sockets. Then, if no process is in the namespace, it need not be watched any more.
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
    Clock::time_point known_since_{};                 // bytes moved since then are in the table
    Clock::time_point last_dump_{};                   // when the last dump began
    std::uint64_t opens_ = 0;                         // opened connections at the last call of has_new_connections()
    std::optional<ProtocolCounters> counters_before_; // read before the first dump
    std::optional<ProtocolCounters> first_counters_;  // read when the window began
    std::optional<ProtocolCounters> last_counters_;
    std::optional<std::uint64_t> datagrams_before_; // datagrams before the window
    std::uint64_t events_lost_before_ = 0;          // lost events before the window
    std::uint64_t events_lost_told_ = 0;            // lost events of all windows, as of the last faults()
    std::uint64_t garbled_before_ = 0;              // invalid messages before the window
    bool lost_lately_ = false;                      // events were lost in the last window
    bool last_dump_disturbed_ = false;
};

} // namespace socktally
