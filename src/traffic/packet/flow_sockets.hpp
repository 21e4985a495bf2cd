// SPDX-License-Identifier: MIT
// From the flows of one network namespace to sockets and their holders while they live: sockets are listed when flows
// come that no list has, and holders are searched for when sockets come that nobody is known to hold. Both at a bounded
// cost.
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

    /// Opens what it needs in the network namespace that the calling thread is in; works from anywhere afterwards.
    /// `flows` owns the flows that are added, and must outlive this object.
    FlowSockets(OwnerScanner& holders, Captured protocols, FlowTable& flows);

    /// Lists the sockets: before the first packet, and after the last one. Holders are to be scanned before the first
    /// list: of a socket that comes in between they are searched for when its packets come.
    void list(DiagDetail detail = DiagDetail::tcp_info);
    /// Adds flows that are new, or that another connection uses again.
    void add(const std::vector<PacketFlow*>& flows);
    /// Adds a flow whose tuple another flow has taken.
    void add_ended(PacketFlow& flow);
    /// Returns when search() has something to do; null if not before packets arrive or sockets are handed over.
    std::optional<Clock::time_point> next_search() const;
    void search(Clock::time_point now);
    /// Takes the sorted inodes of sockets, of any namespace, that their holders no longer have: those that are still
    /// open were handed over. A socket that was found in the search for another one may be in no list yet: it waits for
    /// the next list.
    void search_again(const std::vector<Inode>& missed);
    /// Forgets flows that are about to be retired.
    void drop(PacketFlow& flow);
    /// Traces the owners of the listed sockets, with -vv.
    void trace_owners() const;
    /// Nothing is to be searched for before that: the cost of the last search asks for rest.
    Clock::time_point rested() const { return rested_; }
    /// Searches for every holder that is still missing. Call after the last list and after a new scan of holders.
    void finish(const std::vector<PacketFlow*>& flows);

    /// The sockets listed now start the window, and data of earlier windows is dropped. Flows of
    /// UDP are about to be forgotten.
    void begin_window(Arrival arrival = Arrival::was_there);
    bool has_tcp() const { return protocols_ == Captured::tcp_and_udp; }
    /// The flow's socket as the list at the beginning of the window has it, and as the last list does; null if that
    /// has none, or several.
    const Socket* first(const Tuple& tuple) const { return first_->find(tuple).only(); }
    const Socket* last(const Tuple& tuple) const { return lookup_->find(tuple).only(); }
    const std::vector<Socket>& listed() const { return lookup_->all(); }
    std::size_t failed_lists() const { return failed_lists_; }

private:
    using Instant = std::chrono::nanoseconds; // since the epoch, as packets have it
    struct Gone {
        Socket socket;
        Instant last_listed;
        Instant since; // since when no list has it
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
    std::optional<ProcSocketFiles> files_; // instead of it
    std::shared_ptr<const SocketLookup> lookup_ = std::make_shared<SocketLookup>();
    Instant begun_{0};                                        // when that list was begun
    Instant listed_at_{0};                                    // when it was complete
    std::uint64_t datagrams_ = 0;                             // FlowTable::datagrams() at that time
    std::set<std::pair<std::uint16_t, PacketFlow*>> by_port_; // UDP flows by local port
    std::shared_ptr<const SocketLookup> first_ = lookup_;     // at the beginning of the window
    Instant first_at_{0};
    std::vector<Gone> gone_; // listed a moment ago, but not any more
    std::unordered_map<std::uint64_t, std::size_t> gone_by_inode_;
    std::unordered_map<std::uint64_t, Instant> came_; // UDP sockets by inode: start of the last list without it
    SocketLookup gone_lookup_;
    std::vector<PacketFlow*> pending_;
    std::vector<Inode> handed_on_; // their holders are to be found again
    MissedSockets missed_;
    SearchPace pace_;
    Clock::time_point rested_{};
    std::size_t failed_lists_ = 0;
};

} // namespace socktally
