// SPDX-License-Identifier: MIT
// Finds the sockets of the flows of one network namespace, and their holders, while they exist. Sockets are listed when
// flows come whose sockets are in no list; holders are searched for when sockets come that nobody is known to hold. The
// cost of both is limited.
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

    /// Opens the sockets and files that it needs in the calling thread's network namespace. It can then be used from
    /// any namespace. `flows` owns the flows that are added, and must outlive this object.
    FlowSockets(OwnerScanner& holders, Captured protocols, FlowTable& flows);

    /// Lists the sockets: before the first packet, and after the last one. Scan the holders before the first list: the
    /// holders of later sockets are searched for when packets come.
    void list(DiagDetail detail = DiagDetail::tcp_info);
    /// Adds flows that are new, or that another connection uses again.
    void add(const std::vector<PacketFlow*>& flows);
    /// Adds a flow whose tuple another flow has taken.
    void add_ended(PacketFlow& flow);
    /// Returns when search() has something to do; null: not before packets arrive or sockets are handed over.
    std::optional<Clock::time_point> next_search() const;
    void search(Clock::time_point now);
    /// Takes sockets, of any namespace, that their holders no longer have, by sorted inode. Sockets that are still open
    /// were handed over. A socket that was found while another was searched for may not be listed yet: it waits for the
    /// next list.
    void search_again(const std::vector<Inode>& missed);
    /// Forgets a flow that is about to be retired.
    void drop(PacketFlow& flow);
    /// Traces the owners of the listed sockets for -vv.
    void trace_owners() const;
    /// Returns the end of the pause after the last search. Nothing may be searched for before.
    Clock::time_point rested() const { return rested_; }
    /// Searches for every holder that is still missing. Call it after the last list and a new scan of holders.
    void finish(const std::vector<PacketFlow*>& flows);

    /// Begins a window with the sockets that are listed now, and drops data of earlier windows. The flows of UDP are
    /// forgotten soon after.
    void begin_window(Arrival arrival = Arrival::was_there);
    bool has_tcp() const { return protocols_ == Captured::tcp_and_udp; }
    /// Return the flow's socket in the list at the start of the window, and in the last list; null if the list has
    /// none, or several.
    const Socket* first(const Tuple& tuple) const { return first_->find(tuple).only(); }
    const Socket* last(const Tuple& tuple) const { return lookup_->find(tuple).only(); }
    const std::vector<Socket>& listed() const { return lookup_->all(); }
    std::size_t failed_lists() const { return failed_lists_; }

private:
    using Instant = std::chrono::nanoseconds; // since the epoch, like the time of packets
    struct Gone {
        Socket socket;
        Instant last_listed;
        Instant since; // time of the first list without it
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
    std::optional<ProcSocketFiles> files_; // used instead
    std::shared_ptr<const SocketLookup> lookup_ = std::make_shared<SocketLookup>();
    Instant begun_{0};                                        // when that list was begun
    Instant listed_at_{0};                                    // when that list was complete
    std::uint64_t datagrams_ = 0;                             // FlowTable::datagrams() at that time
    std::set<std::pair<std::uint16_t, PacketFlow*>> by_port_; // UDP flows by local port
    std::shared_ptr<const SocketLookup> first_ = lookup_;     // list at the start of the window
    Instant first_at_{0};
    std::vector<Gone> gone_; // listed a moment ago, but not any more
    std::unordered_map<std::uint64_t, std::size_t> gone_by_inode_;
    std::unordered_map<std::uint64_t, Instant> came_; // UDP sockets by inode: start of the last list without it
    SocketLookup gone_lookup_;
    std::vector<PacketFlow*> pending_;
    std::vector<Inode> handed_on_; // sockets whose new holders are searched for
    MissedSockets missed_;
    SearchPace pace_;
    Clock::time_point rested_{};
    std::size_t failed_lists_ = 0;
};

} // namespace socktally
