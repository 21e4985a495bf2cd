// SPDX-License-Identifier: MIT
// Sockets whose bytes are unknown to backends that count TCP and UDP only: ICMP, raw IP, UDP-Lite, SCTP and AF_PACKET.
// They are listed with null bytes. The network namespace's counters of their protocols show whether any may have moved
// bytes, so an idle socket does not make a sample incomplete.
#pragma once

#include "linux/fd.hpp"
#include "model/sample.hpp"
#include "sockets/proc_sockets.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// The counters of a network namespace, in messages, IPv4 and IPv6 together.
struct UncountedCounters {
    std::uint64_t icmp = 0;          // Icmp: InMsgs + OutMsgs
    std::uint64_t echo_requests = 0; // Icmp: OutEchos; the kernel itself sends none
    std::uint64_t udplite = 0;       // UdpLite: InDatagrams + OutDatagrams
    std::uint64_t sctp = 0;          // /proc/net/sctp/snmp: packets in and out
    std::uint64_t tcp = 0;           // Tcp: InSegs + OutSegs, which may be more than the packets of IP
    std::uint64_t ip_in = 0;         // Ip: InDelivers
    std::uint64_t ip_out = 0;        // Ip: OutRequests
    std::uint64_t known_in = 0;      // the part of ip_in that is UDP, UDP-Lite and ICMP
    std::uint64_t known_out = 0;
    bool operator==(const UncountedCounters&) const = default;
};
/// Adds the fields of /proc/net/snmp; the second one those of snmp6 and sctp/snmp, which have a name and a value a
/// line.
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
/// `flows` has the sockets that were listed at the start or end of the window.
UncountedTraffic uncounted_traffic(const UncountedCounters& before, const UncountedCounters& after,
                                   const std::vector<Flow>& flows);

/// The uncounted sockets of one network namespace, window after window.
class UncountedSockets {
public:
    /// For the network namespace that the calling thread is in; works from anywhere afterwards.
    UncountedSockets();
    static constexpr std::size_t files = ProcSocketFiles::files + 3; // open at most

    enum class Namespace : std::uint8_t { was_there, is_new };
    void begin(Namespace which);
    void end();
    void next_window();

    /// The sockets of the window, with null bytes; none if no window has begun.
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

/// The limit that socktally doctor reports.
Note uncounted_limit();

/// Removes the sockets with which this program, or another instance of it, captures packets, and adds notes about the
/// uncounted `traffic`. The sample must have its flows, holders and processes.
void finish_uncounted(Sample& sample, const UncountedTraffic& traffic);

} // namespace socktally
