// SPDX-License-Identifier: MIT
// The flows of a sample without a window, out of the rows of the socket iterators. Pure; the payload arithmetic is the
// one of the netlink backend.
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

    /// Starts the rows of another network namespace, with about this many TCP sockets. The kernel gives its
    /// listeners first.
    void begin_namespace(std::size_t tcp_in_use);
    void add(const totals_row& row);

    bool has_udp() const { return has_udp_; }
    /// Sockets whose counters were reset by a new connection: earlier bytes are lost.
    std::size_t resets() const { return resets_; }
    /// Returns the inodes of all sockets that a process may hold.
    std::vector<Inode> inodes() const;
    /// Returns the inodes of all listed sockets, with listeners.
    std::vector<Inode> listed() const;
    std::vector<Flow> take() { return std::move(flows_); }

private:
    bool is_repeated(std::uint64_t cookie);
    void count_tcp(Flow& flow, const totals_row& row);

    Snapshot* snapshot_;
    bool keeps_facts_;
    std::vector<Flow> flows_;
    std::vector<std::uint64_t> cookies_; // of them, in an open hash table: 0 where there is none
    std::vector<Inode> listeners_;
    std::bitset<65536> listening_;
    std::size_t resets_ = 0;
    bool has_udp_ = false;
};

} // namespace socktally
