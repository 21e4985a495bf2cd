// SPDX-License-Identifier: MIT
// Makes the flows and processes of a sample with a window from the counters that Tally returns.
#pragma once

#include "linux/fd.hpp"
#include "model/sample.hpp"
#include "traffic/ebpf/tally.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace socktally {

/// Returns the address in `bytes`, which are in network order. AF_INET uses the first four.
inline Address address_of(const tally_u8 (&bytes)[16], std::uint16_t family)
{
    return Address::from_bytes(std::as_bytes(std::span(bytes)).first(family == AF_INET6 ? 16 : 4));
}

/// Returns the tuple of the flow. If the socket is not connected, the tuple has no remote endpoint.
Tuple tuple_of(const tally_flow& flow);

/// Call add() first for all processes, then for all flows. Then call add_facts(), and last add_the_rest().
class TallyFlows {
public:
    TallyFlows(Sample& sample, Tally::Detail detail);

    void add(std::uint32_t slot, const tally_counters& counters);
    void add(const tally_flow_key& key, const tally_flow& flow);
    /// Gives the flows of TCP and MPTCP their facts (Flow::facts), as Tally::connections() has them. If several
    /// processes sent through a socket, whose bytes were retransmitted is not known. A connection that has
    /// retransmitted and moved nothing else becomes a flow whose owner is still to be found by its inode.
    void add_facts(const std::vector<tally_connection>& connections);
    /// Adds flows for the bytes of each slot that are in no flow yet. In a sample by process these are all bytes. In a
    /// sample by socket they are the bytes that had no room in the map of flows.
    void add_the_rest();

    /// Returns the number of processes that have no pid in our namespace.
    std::size_t foreign_processes() const { return foreign_processes_; }
    /// Returns whether more processes moved bytes than there are slots.
    bool has_overflowed() const { return left_.contains(TALLY_OVERFLOW_SLOT); }

private:
    /// The bytes of a slot that are in no flow yet.
    struct Left {
        Attribution attribution;
        std::uint64_t rx_bytes;
        std::uint64_t tx_bytes;
        std::uint32_t sockets;
    };

    std::uint32_t add_process(const tally_counters& counters);
    Flow& append(const Attribution& attribution, Cookie cookie, const tally_flow& flow);
    Flow& append(const Attribution& attribution, std::uint64_t rx_bytes, std::uint64_t tx_bytes);

    Sample& sample_;
    Tally::Detail detail_;
    Fd proc_;
    std::unordered_map<std::uint32_t, Left> left_; // by slot
    std::size_t foreign_processes_ = 0;
};

} // namespace socktally
