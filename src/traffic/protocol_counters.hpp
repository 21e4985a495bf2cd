// SPDX-License-Identifier: MIT
// Reads the counters of a network namespace from /proc/net/snmp, snmp6 and sctp/snmp. Adds up IPv4 and IPv6. A read
// takes only tens of microseconds, and the kernel never resets the counters. They show how many connections were
// opened, whether datagrams moved, and what happened to received datagrams. No list of sockets is needed for that.
#pragma once

#include "linux/fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

/// The counters of a network namespace. The table in protocol_counters.cpp says which fields of the files each counter
/// sums.
struct ProtocolCounters {
    std::uint64_t tcp_opens = 0;     // connections that were opened, including failed attempts
    std::uint64_t tcp_failures = 0;  // failed attempts in tcp_opens
    std::uint64_t tcp_segments = 0;  // segments in and out; one packet in ip_in or ip_out may hold many segments
    std::uint64_t udp_datagrams = 0; // datagrams that processes have sent or read
    std::uint64_t udp_read = 0;
    std::uint64_t udp_no_ports = 0;  // datagrams received for a port without a socket
    std::uint64_t icmp = 0;          // messages in and out
    std::uint64_t echo_requests = 0; // echo requests that processes have sent; the kernel itself sends none
    std::uint64_t udplite = 0;       // datagrams in and out
    std::uint64_t sctp = 0;          // packets in and out
    std::uint64_t ip_in = 0;         // packets delivered
    std::uint64_t ip_out = 0;        // packets sent
    std::uint64_t known_in = 0;      // packets in ip_in that are UDP, UDP-Lite or ICMP
    std::uint64_t known_out = 0;
    bool operator==(const ProtocolCounters&) const = default;
};

/// Adds the fields of /proc/net/snmp to the counters. The file has pairs of lines: a line of names, then a line of
/// values.
void add_snmp(std::string_view text, ProtocolCounters& counters);
/// Adds the fields of /proc/net/snmp6 or sctp/snmp to the counters. Each line has a name and a value.
void add_snmp_lines(std::string_view text, ProtocolCounters& counters);

class ProtocolCountersReader {
public:
    /// Opens the files of the calling thread's network namespace. Threads in other namespaces can read them, too.
    ProtocolCountersReader();
    static constexpr std::size_t files = 3; // the most files that an object keeps open
    /// Returns the counters; null if the files cannot be read.
    std::optional<ProtocolCounters> read();
    /// Returns only tcp_opens, in half the time of read(). Returns null if the file cannot be read.
    std::optional<std::uint64_t> read_tcp_opens();

private:
    std::optional<ProtocolCounters> read_snmp();

    Fd snmp_;
    Fd snmp6_; // no file if IPv6 is off
    Fd sctp_;  // absent without SCTP
    std::string buffer_;
};

} // namespace socktally
