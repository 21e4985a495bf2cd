// SPDX-License-Identifier: MIT
// Counts the things that a backend could not see in a window, and makes notes about them.
#pragma once

#include "model/sample.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace socktally {

/// The kinds of things that a backend could not see. Class Faults has a number for each kind. A comment with a verb
/// says when this number is not 0; other comments say what is counted. faults.cpp has a message for each kind, in the
/// same order.
enum class Fault : std::uint8_t {
    interrupted,
    interrupted_totals, // without a window
    // of sock_diag
    not_listening,        // the kernel sends no destroy events at all
    late_events,          // destroy events did not come while we waited for them
    events_lost,          // destroy events that were lost although the receive buffer is large
    events_lost_small,    // destroy events that were lost with an unprivileged process's small buffer
    garbled,              // invalid messages from the kernel
    disturbed,            // sockets changed during every dump, so that some may be missing
    missed,               // connections that opened, but are in no dump and no event
    missed_by_first_dump, // connections counted as new, although they were open before the window
    without_counters,     // connections for which an old kernel has no counters
    disappeared,          // connections that were listed, but are in no later dump and no event
    late,                 // connections that disappeared in an earlier window, and are listed again
    begun_late,           // namespaces that could be entered only after the window began
    resets,               // connections whose counters were reset
    udp_unknown,          // UDP sockets may have moved bytes, which cannot be counted
    udp_unknown_totals,   // totals of UDP sockets are asked for, but do not exist
    udp_unlisted,         // the kernel cannot list UDP sockets
    // of packets
    packets_dropped,     // packets that were dropped because the capture buffer was full
    packets_late,        // the kernel delivered the last packets too late
    packets_cut,         // packets whose headers are longer than the captured part
    fragments_unmatched, // fragments of datagrams whose first fragment was not captured
    holes_forgotten,     // holes in TCP streams that were forgotten; bytes that filled them were not counted
    captured_late,       // namespaces in which the capture began after the window had begun
    packets_malformed,   // packets with wrong lengths, which no socket received
    ended_unread,        // connections for which TcpMoved::ended_unread is true
    unsent_unknown,      // connections for which TcpMoved::unsent_unknown is true
    failed_lists,        // attempts to list sockets that failed
    failed_links,        // attempts to list interfaces that failed
    unread_datagrams,    // datagrams that no process read, and whose lengths are unknown
    forward_unsure,      // flows that were taken for forwarded traffic (sightings.hpp)
    // of netstat, lsof and the kernel control on macOS
    closed_unseen,      // sockets that were closed, so their last bytes are unknown
    short_lived_unseen, // no socket was closed, but sockets that were opened and closed are never seen
    rx_counted_twice,   // sockets whose received bytes the kernel counts twice
    headers_counted,    // sockets whose bytes include headers
    commands_timed_out, // programs that did not end in time
    commands_failed,    // programs that failed or printed something else than expected
    addresses_cut,      // sockets with an address that was printed in part
    unlisted_before,    // sockets of a list that could not be made when the window began
    unnumbered,         // sockets that cannot be told apart
    closed_uncounted,   // flows that closed, but whose last counters the kernel did not send
    counts_late,        // flows whose counters the kernel did not send in time
    quic_flows,         // flows of QUIC, which cannot be read
    rx_hidden,          // the system shows no received bytes of interfaces
    // of look-ups
    lookups_dropped,    // packets dropped because the buffer was full
    lookups_unread,     // TCP connections whose bytes could not be put together
    lookups_unkept,     // look-ups for which there was no memory
    lookups_encrypted,  // flows to the port of DNS over TLS
    lookups_unanswered, // look-ups that were still open when the last window ended
    lookups_outside,    // network namespaces that were not entered
    lookups_by_bus,     // systemd-resolved runs
    // of processes
    owners_unread,    // descriptor tables that could not be read
    sockets_unlisted, // held sockets in network namespaces that were not entered
    // of the command `ports` (socket_list.cpp)
    namespaces_unlisted, // other network namespaces that could not be entered
    held_unlisted,       // held sockets in namespaces that could not be entered
};

class Faults {
public:
    static constexpr std::size_t kinds = static_cast<std::size_t>(Fault::held_unlisted) + 1;

    std::uint64_t& operator[](Fault fault) { return counts_.at(static_cast<std::size_t>(fault)); }
    std::uint64_t operator[](Fault fault) const { return counts_.at(static_cast<std::size_t>(fault)); }
    /// Adds the numbers of another network namespace.
    Faults& operator+=(const Faults& more);

private:
    std::array<std::uint64_t, kinds> counts_{};
};

std::vector<Note> notes_of(const Faults& faults);
void add_notes(std::vector<Note>& notes, const Faults& faults);

/// The remedy if totals of UDP sockets are asked for. The kernel does not keep such totals.
inline constexpr std::string_view udp_totals_remedy =
    "measure a window, such as -d 1s, or leave UDP out: --protocol tcp";

/// A shell command that loads the modules now and at each boot (modules-load.d(5)), for kernels that do not load them
/// by themselves. The command is one line that ends in a comment. It has no backslash, because TSV would double it.
inline constexpr std::string_view diag_modules_remedy =
    "modprobe -a tcp_diag udp_diag && (echo tcp_diag; echo udp_diag) > "
    "/etc/modules-load.d/socktally.conf # or a kernel with "
    "CONFIG_INET_TCP_DIAG and CONFIG_INET_UDP_DIAG";

} // namespace socktally
