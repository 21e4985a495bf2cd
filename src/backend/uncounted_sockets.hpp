// SPDX-License-Identifier: MIT
// Sockets whose bytes neither counters of theirs nor captured packets tell: ICMP, raw IP, UDP-Lite, SCTP and AF_PACKET.
// They are listed with null bytes. Whether one of them may have moved any is told by what the network namespace counts
// of their protocols, so a client that sleeps makes no sample incomplete. For backends that count TCP and UDP only.
#pragma once

#include "backend/procfs/proc_sockets.hpp"
#include "model/sample.hpp"
#include "sys/fd.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// What a network namespace has counted so far, both families of IP together, in messages.
struct UncountedCounters {
    std::uint64_t icmp = 0;          // Icmp: InMsgs + OutMsgs
    std::uint64_t echo_requests = 0; // Icmp: OutEchos; the kernel itself sends none
    std::uint64_t udplite = 0;       // UdpLite: InDatagrams + OutDatagrams
    std::uint64_t sctp = 0;          // of /proc/net/sctp/snmp: packets in and out
    std::uint64_t tcp = 0;           // Tcp: InSegs + OutSegs, which are more than packets of IP
    std::uint64_t ip_in = 0;         // Ip: InDelivers
    std::uint64_t ip_out = 0;        // Ip: OutRequests
    std::uint64_t known_in = 0;      // the part of those that is of UDP, UDP-Lite and ICMP
    std::uint64_t known_out = 0;
    bool operator==(const UncountedCounters&) const = default;
};
/// Adds the fields of /proc/net/snmp; likewise of snmp6 and of sctp/snmp, which have a name and a value a line.
void add_uncounted_snmp(std::string_view text, UncountedCounters& counters);
void add_uncounted_lines(std::string_view text, UncountedCounters& counters);

/// Which protocols may have moved bytes through sockets in the window.
struct UncountedTraffic {
    bool icmp = false;
    bool raw = false;
    bool udplite = false;
    bool sctp = false;

    bool any() const { return icmp || raw || udplite || sctp; }
    UncountedTraffic& operator|=(const UncountedTraffic& other);
};
/// `flows`: the sockets that were listed at either end of the window.
UncountedTraffic uncounted_traffic(const UncountedCounters& before, const UncountedCounters& after,
                                   const std::vector<Flow>& flows);

/// Of one network namespace, over one window after another.
class UncountedSockets {
public:
    /// Of the one that the calling thread is in; works from anywhere afterwards.
    UncountedSockets();
    static constexpr std::size_t files = ProcSocketFiles::files + 3; // that it has open, at most

    enum class Namespace : std::uint8_t { was_there, is_new };
    void begin(Namespace which);
    void end();
    void next_window();

    /// Those of the window, with null bytes; none where it has not begun.
    const std::vector<Flow>& flows() const { return flows_; }
    const UncountedTraffic& traffic() const { return traffic_; }

private:
    UncountedCounters read_counters();

    ProcSocketFiles lists_{ProcLists::uncounted};
    std::array<Fd, 3> counter_files_;
    std::string buffer_;
    bool has_begun_ = false;
    std::vector<ListedSocket> first_;
    UncountedCounters before_;
    std::vector<ListedSocket> last_;
    UncountedCounters after_;
    std::vector<Flow> flows_;
    UncountedTraffic traffic_;
};

/// For doctor.
Note uncounted_limit();

/// Takes the sockets out with which this program, or another instance of it, captures packets, and says what of
/// `traffic` is not counted. The sample has its flows, holders and processes.
void finish_uncounted(Sample& sample, const UncountedTraffic& traffic);

} // namespace socktally
