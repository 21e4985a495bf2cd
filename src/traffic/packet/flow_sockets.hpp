// SPDX-License-Identifier: MIT
// Finds the sockets of the flows of one network namespace, and the processes that hold these sockets (holders), before
// they end. Lists the sockets when a flow comes whose socket no list has shown yet. Searches for holders when a socket
// has no known holder. The cost of lists and searches is limited.
#pragma once

#include "owners/owner_scanner.hpp"
#include "sockets/proc_net.hpp"
#include "sockets/sock_diag.hpp"
#include "sockets/socket_lookup.hpp"
#include "traffic/packet/flow_table.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace socktally {

class FlowSockets {
public:
    using Clock = std::chrono::steady_clock;

    /// Opens netlink sockets and /proc files in the network namespace of the calling thread. The object can then be
    /// used from any namespace. `flows` contains the flows that are added, and must outlive this object.
    FlowSockets(OwnerScanner& holders, Captured protocols, FlowTable& flows);

    /// Lists the sockets. Call it before the first packet and after the last packet of a window. Scan the holders
    /// before the first call. search() finds the holders of sockets that are opened later.
    void list(DiagDetail detail = DiagDetail::tcp_info);
    /// Adds the flows of FlowTable::take_new().
    void add(const std::vector<PacketFlow*>& flows);
    /// Finds the socket of a flow that has ended because another flow took its tuple.
    void add_ended(PacketFlow& flow);
    /// Returns the time at which search() is due; null if it is not due until packets arrive or sockets are handed
    /// over.
    std::optional<Clock::time_point> next_search() const;
    void search(Clock::time_point now);
    /// Takes the sorted inodes of sockets that their holders no longer have (OwnerScanner::confirm()). The sockets may
    /// be in any namespace. If a socket is still open, it was handed over to another process, and search() searches for
    /// that process. If no list has shown a socket yet, the next list shows whether it is open.
    void search_again(const std::vector<Inode>& missed);
    /// Sets the socket of a flow for the last time, and forgets the flow. Call it before the flow is retired.
    void drop(PacketFlow& flow);
    /// Traces the owners of the listed sockets for -vv.
    void trace_owners() const;
    /// Returns the end of the pause after the last search. Do not call search() before that time.
    Clock::time_point rested() const { return rested_; }
    /// Sets the sockets of the flows for the last time, and searches for all missing holders. Call it at the end of the
    /// window, after list() and a new scan of the holders.
    void finish(const std::vector<PacketFlow*>& flows);

    /// Begins a window with the sockets of the last list. Forgets all UDP flows, because FlowTable::next_window() drops
    /// them.
    void begin_window(Arrival arrival = Arrival::was_there);
    bool has_tcp() const { return protocols_ == Captured::tcp_and_udp; }
    /// first() returns the socket with this tuple in the list at the start of the window, last() in the last list. Both
    /// return null unless exactly one socket matches.
    const Socket* first(const Tuple& tuple) const { return first_->find(tuple).only(); }
    const Socket* last(const Tuple& tuple) const { return lookup_->find(tuple).only(); }
    const std::vector<Socket>& listed() const { return lookup_->all(); }
    const std::vector<Socket>& first_listed() const { return first_->all(); }
    std::size_t failed_lists() const { return failed_lists_; }

private:
    using Instant = std::chrono::nanoseconds; // time since the epoch, as in packets
    struct Gone {
        Socket socket;
        Instant last_listed;
        Instant since; // time of the first list without the socket
    };

    void note_changes(const std::vector<Socket>& before, Instant last_listed);
    void index_gone();
    bool has_its_sockets(const PacketFlow& flow) const;
    void cut_flows(std::uint16_t port);
    bool list_by_diag(std::vector<Socket>& sockets, DiagDetail detail);
    bool resolve(PacketFlow& flow) const;
    void settle(PacketFlow& flow) const;
    void add_takers(PacketFlow& flow) const;
    void add_senders(PacketFlow& flow) const;
    bool decide(PacketFlow& flow) const;
    void conclude(PacketFlow& flow) const;
    void note_rewritten(PacketFlow& flow) const;
    bool fits(const PacketFlow& flow) const;
    SocketMatch match(const PacketFlow& flow) const;
    const Gone& gone_of(Inode inode) const { return gone_[gone_by_inode_.at(inode.value)]; }
    bool have_one_holder(Inode a, Inode b) const;
    std::vector<Inode> only_open(std::vector<Inode> inodes) const;
    bool is_unaccepted(const PacketFlow& flow) const;
    void hand_on(Inode inode);

    OwnerScanner& owners_;
    Captured protocols_;
    FlowTable& flows_;
    std::optional<Dumper> dumper_;         // null if the kernel has no sock_diag
    std::optional<ProcSocketFiles> files_; // used if sock_diag cannot list the sockets
    std::shared_ptr<const SocketLookup> lookup_ = std::make_shared<SocketLookup>();
    Instant begun_{0};            // when the list in lookup_ was begun
    Instant listed_at_{0};        // when the list in lookup_ was complete
    std::uint64_t datagrams_ = 0; // value of FlowTable::datagrams() when that list was complete
    std::set<std::pair<std::uint16_t, PacketFlow*>> by_port_; // UDP flows by local port
    std::shared_ptr<const SocketLookup> first_ = lookup_;     // the list at the start of the window
    Instant first_at_{0};
    std::vector<Gone> gone_; // recently closed sockets: an earlier list had them, the last list does not
    std::unordered_map<std::uint64_t, std::size_t> gone_by_inode_;
    /// For each new UDP socket, by inode: when the last list without this socket was begun.
    std::unordered_map<std::uint64_t, Instant> came_;
    SocketLookup gone_lookup_;
    std::vector<PacketFlow*> pending_;
    std::vector<Inode> handed_on_; // sockets that were handed over, and whose new holders are searched for
    MissedSockets missed_;
    SearchPace pace_;
    Clock::time_point rested_{};
    std::size_t failed_lists_ = 0;
};

} // namespace socktally
