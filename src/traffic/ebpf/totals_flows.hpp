// SPDX-License-Identifier: MIT
// Makes the flows of a sample without a window from the rows of the socket iterators. Pure. Payload is computed as in
// the netlink backend.
#pragma once

#include "model/flow.hpp"
#include "traffic/ebpf/totals.h"
#include "traffic/snapshot.hpp"

#include <bitset>
#include <cstddef>
#include <vector>

namespace socktally {

class TotalsFlows {
public:
    /// The counters of the sockets go into `snapshot` too, unless it is null. With `keeps_facts`, flows of TCP have
    /// Flow::facts.
    explicit TotalsFlows(Snapshot* snapshot = nullptr, bool keeps_facts = false)
        : snapshot_(snapshot), keeps_facts_(keeps_facts)
    {
    }

    /// Begins the rows of another network namespace, which has about this many TCP sockets. The kernel shows listeners
    /// first.
    void begin_namespace(std::size_t tcp_in_use);
    void add(const totals_row& row);

    bool has_udp() const { return has_udp_; }
    /// Returns the number of sockets whose counters were reset by a new connection: their earlier bytes are lost.
    std::size_t resets() const { return resets_; }
    /// Returns the inodes of all sockets that a process may hold.
    std::vector<Inode> inodes() const;
    /// Returns the inodes of all listed sockets, including listeners.
    std::vector<Inode> listed() const;
    std::vector<Flow> take() { return std::move(flows_); }

private:
    bool is_repeated(std::uint64_t cookie);
    void count_tcp(Flow& flow, const totals_row& row);

    Snapshot* snapshot_;
    bool keeps_facts_;
    std::vector<Flow> flows_;
    std::vector<std::uint64_t> cookies_; // cookies of the flows, in an open hash table; 0: empty
    std::vector<Inode> listeners_;
    std::bitset<65536> listening_;
    std::size_t resets_ = 0;
    bool has_udp_ = false;
};

} // namespace socktally
