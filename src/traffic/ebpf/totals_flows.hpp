// SPDX-License-Identifier: MIT
// Makes the flows of a sample without a window from the rows of the socket iterators (totals.h). Computes payload as
// the netlink backend does. Pure.
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
    /// If `snapshot` is not null, also adds the counters of the sockets to it. With `keeps_facts`, TCP flows get
    /// Flow::facts.
    explicit TotalsFlows(Snapshot* snapshot = nullptr, bool keeps_facts = false)
        : snapshot_(snapshot), keeps_facts_(keeps_facts)
    {
    }

    /// Call this before the rows of each network namespace. `tcp_in_use` is roughly the number of TCP sockets in the
    /// namespace. In the rows of a namespace, listeners come before other TCP sockets.
    void begin_namespace(std::size_t tcp_in_use);
    void add(const totals_row& row);

    bool has_udp() const { return has_udp_; }
    /// Returns the number of sockets whose counters were reset by a new connection. Their earlier bytes are lost.
    std::size_t resets() const { return resets_; }
    /// Returns the inodes of the sockets that a process may hold. The kernel's own sockets are left out.
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
    std::vector<std::uint64_t> cookies_; // cookies of the sockets in flows_, in an open hash table; 0: an empty place
    std::vector<Inode> listeners_;
    std::bitset<65536> listening_;
    std::size_t resets_ = 0;
    bool has_udp_ = false;
};

} // namespace socktally
