// SPDX-License-Identifier: MIT
// Reads the counters of a whole network namespace from /proc/net/snmp, snmp6 and sctp/snmp, IPv4 and IPv6 together. It
// is cheap (tens of microseconds), and the counters are never reset. They show new connections without a list of all
// sockets, whether datagrams moved, and what happened to received datagrams.
#pragma once

#include "linux/fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// The table in protocol_counters.cpp says which fields of the files each counter sums.
struct ProtocolCounters {
    std::uint64_t tcp_opens = 0;     // includes connects that failed
    std::uint64_t tcp_failures = 0;  // those of tcp_opens that failed
    std::uint64_t tcp_segments = 0;  // in and out; may exceed the packets of IP, which may be superpackets
    std::uint64_t udp_datagrams = 0; // read or sent
    std::uint64_t udp_read = 0;
    std::uint64_t udp_no_ports = 0;  // received for a port without a socket
    std::uint64_t icmp = 0;          // messages in and out
    std::uint64_t echo_requests = 0; // sent; the kernel itself sends none
    std::uint64_t udplite = 0;       // datagrams in and out
    std::uint64_t sctp = 0;          // packets in and out
    std::uint64_t ip_in = 0;         // packets delivered
    std::uint64_t ip_out = 0;        // packets sent
    std::uint64_t known_in = 0;      // those of ip_in that are UDP, UDP-Lite or ICMP
    std::uint64_t known_out = 0;
    bool operator==(const ProtocolCounters&) const = default;
};

/// Adds up the fields of /proc/net/snmp: pairs of lines, names and then values.
void add_snmp(std::string_view text, ProtocolCounters& counters);
/// Adds up the fields of /proc/net/snmp6 and sctp/snmp: a name and a value in each line.
void add_snmp_lines(std::string_view text, ProtocolCounters& counters);

class ProtocolCountersReader {
public:
    /// Reads the counters of the network namespace in which it was constructed, from any thread.
    ProtocolCountersReader();
    static constexpr std::size_t files = 3; // the most files that it keeps open
    /// Returns null if the files cannot be read.
    std::optional<ProtocolCounters> read();
    /// Reads only tcp_opens, at half the cost.
    std::optional<std::uint64_t> read_tcp_opens();

private:
    std::optional<ProtocolCounters> read_snmp();

    Fd snmp_;
    Fd snmp6_; // absent if IPv6 is off
    Fd sctp_;  // absent without SCTP
    std::string buffer_;
};

} // namespace socktally
