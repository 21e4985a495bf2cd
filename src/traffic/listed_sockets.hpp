// SPDX-License-Identifier: MIT
// Makes flows of sockets that are listed, but whose bytes are not counted. In the procfs backend these are all sockets.
// In the netlink and packet backends they are the sockets of ICMP, raw IP, UDP-Lite, SCTP and AF_PACKET. The bytes of
// these flows are null. The kernel counts the packets of each protocol in each network namespace. If these counters do
// not change, idle sockets of the protocol do not make a sample incomplete.
#pragma once

#include "linux/netns.hpp"
#include "model/sample.hpp"
#include "sockets/proc_net.hpp"
#include "traffic/protocol_counters.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace socktally {

/// Returns a flow for each socket in two lists, which were made at the start and at the end of the window. A socket in
/// both lists gets one flow, with the state that it has in `last`. A socket that is only in `first` was closed in the
/// window. If it has no inode, it gets no flow, because no process held it. Sockets that move no bytes get no flow:
/// listeners, and TCP sockets that are in TIME_WAIT or closed. With `keeps_facts`, flows of TCP have Flow::facts.
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
/// Compares the counters at the start and at the end of the window. Returns which protocols may have moved bytes.
/// `flows` has the sockets that were listed at one of these times.
UncountedTraffic uncounted_traffic(const ProtocolCounters& before, const ProtocolCounters& after,
                                   const std::vector<Flow>& flows);

/// The sockets of one network namespace whose bytes are not counted. One object serves all windows.
class UncountedSockets {
public:
    /// Opens the lists of the calling thread's network namespace. Threads in other namespaces can read them, too.
    explicit UncountedSockets(ProtocolCountersReader& counters) : counters_(counters) {}
    static constexpr std::size_t files = ProcSocketFiles::files; // the most files that an object keeps open

    void begin(Arrival arrival);
    void end();
    void next_window();

    /// Returns a flow with null bytes for each socket of the window. Returns none if no window has begun.
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

/// Returns the note about uncounted protocols that doctor prints.
Note uncounted_limit();

/// Removes flows of AF_PACKET sockets with which this process or another instance of socktally captures packets. Adds
/// notes about `traffic`. The sample must already have its flows, holders and processes.
void finish_uncounted(Sample& sample, const UncountedTraffic& traffic);

} // namespace socktally
