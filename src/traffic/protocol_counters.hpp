// SPDX-License-Identifier: MIT
// Reads what /proc/net/snmp, snmp6 and sctp/snmp count for a whole network namespace, IPv4 and IPv6 together. Cheap
// (tens of microseconds), never reset: the counters show new connections without a list of every
// socket, whether any datagram moved, and what happened to datagrams that came.
#pragma once

#include "linux/fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// Which fields of the files are summed in each counter is in the table at the top of protocol_counters.cpp.
struct ProtocolCounters {
    std::uint64_t tcp_opens = 0;     // a failed connect counts as well
    std::uint64_t tcp_failures = 0;  // the part of the opens that came to nothing
    std::uint64_t tcp_segments = 0;  // in and out; may be more than the packets of IP, which may be superpackets
    std::uint64_t udp_datagrams = 0; // those read and those sent
    std::uint64_t udp_read = 0;
    std::uint64_t udp_no_ports = 0;  // to where no socket is
    std::uint64_t icmp = 0;          // messages in and out
    std::uint64_t echo_requests = 0; // sent; the kernel itself sends none
    std::uint64_t udplite = 0;       // datagrams in and out
    std::uint64_t sctp = 0;          // packets in and out
    std::uint64_t ip_in = 0;         // packets delivered
    std::uint64_t ip_out = 0;        // packets sent
    std::uint64_t known_in = 0;      // the part of ip_in that is UDP, UDP-Lite and ICMP
    std::uint64_t known_out = 0;
    bool operator==(const ProtocolCounters&) const = default;
};

/// Adds up the fields of /proc/net/snmp: pairs of lines, names and then values.
void add_snmp(std::string_view text, ProtocolCounters& counters);
/// The same of /proc/net/snmp6 and sctp/snmp: a name and a value a line.
void add_snmp_lines(std::string_view text, ProtocolCounters& counters);

class ProtocolCountersReader {
public:
    /// Reads the counters of the network namespace in which it was constructed, from any thread.
    ProtocolCountersReader();
    static constexpr std::size_t files = 3; // that it has open, at most
    /// Null if the files cannot be read.
    std::optional<ProtocolCounters> read();
    /// tcp_opens alone, for half of the cost.
    std::optional<std::uint64_t> read_tcp_opens();

private:
    std::optional<ProtocolCounters> read_snmp();

    Fd snmp_;
    Fd snmp6_; // absent if IPv6 is off
    Fd sctp_;  // absent without SCTP
    std::string buffer_;
};

} // namespace socktally
