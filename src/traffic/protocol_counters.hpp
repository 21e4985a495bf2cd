// SPDX-License-Identifier: MIT
// What /proc/net/snmp and snmp6 count for a whole network namespace. Cheap to read (tens of microseconds), never reset:
// they tell that there are new connections without asking for every socket, that no datagram moved at all,
// and what became of those that came.
#pragma once

#include "linux/fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

struct ProtocolCounters {
    std::uint64_t tcp_opens = 0;     // Tcp: ActiveOpens + PassiveOpens, both families; a failed connect counts as well
    std::uint64_t tcp_failures = 0;  // Tcp: AttemptFails, the part of the opens that came to nothing
    std::uint64_t udp_datagrams = 0; // Udp: InDatagrams + OutDatagrams (those read and those sent), both families
    std::uint64_t udp_read = 0;      // Udp: InDatagrams alone
    std::uint64_t udp_no_ports = 0;  // Udp: NoPorts, datagrams to where no socket is
    bool operator==(const ProtocolCounters&) const = default;
};

/// Adds up the fields of /proc/net/snmp: pairs of lines, names and then values.
void add_snmp(std::string_view text, ProtocolCounters& counters);
/// The same of /proc/net/snmp6: a name and a value a line.
void add_snmp6(std::string_view text, ProtocolCounters& counters);

class ProtocolCountersReader {
public:
    /// Of the network namespace that the calling thread is in, wherever read() is called.
    ProtocolCountersReader();
    /// Null where the files cannot be read.
    std::optional<ProtocolCounters> read();
    /// tcp_opens alone, for half of the cost.
    std::optional<std::uint64_t> read_tcp_opens();

private:
    std::optional<ProtocolCounters> read_snmp();

    Fd snmp_;
    Fd snmp6_; // absent where IPv6 is off
    std::string buffer_;
};

} // namespace socktally
