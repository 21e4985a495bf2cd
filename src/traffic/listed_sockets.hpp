// SPDX-License-Identifier: MIT
// Makes flows of listed sockets whose bytes are not counted: all sockets of the procfs backend; for netlink and packet
// those of ICMP, raw IP, UDP-Lite, SCTP and AF_PACKET. Their bytes are null. The counters that the network namespace
// has for these protocols show whether any bytes moved, so that an idle socket does not make a sample incomplete.
#pragma once

#include "linux/netns.hpp"
#include "model/sample.hpp"
#include "sockets/proc_net.hpp"
#include "traffic/protocol_counters.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace socktally {

/// Takes the sockets that a process can hold from the first list, and all from the last; a socket in both is one flow,
/// as in the last, and one that only the first has is SocketState::closed. Leaves out sockets that move no bytes:
/// listening sockets, and TCP that is in TIME_WAIT or not connected. With `keeps_facts`, flows of TCP have Flow::facts.
std::vector<Flow> flows_of(const std::vector<Socket>& first, const std::vector<Socket>& last, bool keeps_facts = false);

std::vector<Inode> inodes_of(const std::vector<Flow>& flows);

/// The protocols whose sockets may have moved bytes in the window.
struct UncountedTraffic {
    bool icmp = false;
    bool raw = false;
    bool udplite = false;
    bool sctp = false;

    bool any() const { return icmp || raw || udplite || sctp; }
    UncountedTraffic& operator|=(const UncountedTraffic& other);
};
/// `flows` has the sockets that were listed at the start or at the end of the window.
UncountedTraffic uncounted_traffic(const ProtocolCounters& before, const ProtocolCounters& after,
                                   const std::vector<Flow>& flows);

/// The uncounted sockets of one network namespace, window after window.
class UncountedSockets {
public:
    /// Reads the network namespace in which it is constructed, from any thread.
    explicit UncountedSockets(ProtocolCountersReader& counters) : counters_(counters) {}
    static constexpr std::size_t files = ProcSocketFiles::files; // the most files that it keeps open

    void begin(Arrival arrival);
    void end();
    void next_window();

    /// Returns the sockets of the window, with null bytes; none if no window has begun.
    const std::vector<Flow>& flows() const { return flows_; }
    const UncountedTraffic& traffic() const { return traffic_; }

private:
    ProtocolCountersReader& counters_;
    ProcSocketFiles lists_{ProcLists::uncounted};
    bool has_begun_ = false;
    std::vector<Socket> first_;
    ProtocolCounters before_;
    std::vector<Socket> last_;
    ProtocolCounters after_;
    std::vector<Flow> flows_;
    UncountedTraffic traffic_;
};

/// Returns the limit that doctor prints.
Note uncounted_limit();

/// Removes sockets with which this program, or another instance of it, captures packets, and adds notes about the
/// uncounted `traffic`. The sample must have its flows, holders and processes.
void finish_uncounted(Sample& sample, const UncountedTraffic& traffic);

} // namespace socktally
