// SPDX-License-Identifier: MIT
// Counts what a backend could not see in a window, and makes notes about it.
#pragma once

#include "model/sample.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace socktally {

/// The table in faults.cpp has the words, in the same order.
enum class Fault : std::uint8_t {
    interrupted,
    interrupted_totals, // without a window
    // of sock_diag
    not_listening,        // no destroy events at all
    late_events,          // events that had not come when we stopped waiting
    events_lost,          // with a large receive buffer
    events_lost_small,    // with the small receive buffer of an unprivileged process
    garbled,              // invalid messages
    disturbed,            // every dump was disturbed, even when repeated
    missed,               // connections that were opened, but are in no dump and no event
    missed_by_first_dump, // connections counted as new that were open before
    without_counters,     // connections without counters, because the kernel is old
    disappeared,          // connections that are in no later dump and no event
    late,                 // connections that disappeared in an earlier window and are listed again
    begun_late,           // namespaces that could not be entered before the window
    resets,               // connections whose counters were reset
    udp_unknown,          // datagrams were moved, or may have been
    udp_unknown_totals,   // the same without a window
    udp_unlisted,         // the kernel cannot list UDP sockets
    // of packets
    packets_dropped,     // packets dropped because the buffer was full
    packets_late,        // packets that the kernel delivered too late
    packets_cut,         // packets with longer headers than were captured
    fragments_unmatched, // fragments whose first fragment was not captured
    holes_forgotten,     // holes in TCP streams that were forgotten: bytes that filled them were not counted
    captured_late,       // namespaces whose capture began a while after the window
    packets_malformed,   // packets that no socket received
    ended_unread,        // TcpMoved, in connections
    unsent_unknown,      // likewise
    failed_lists,        // of sockets
    failed_links,        // lists of interfaces
    unread_datagrams,    // datagrams that were not read, of unknown length
    forward_unsure,      // flows taken for forwarded traffic (sightings.hpp)
    // of processes
    owners_unread,    // descriptor tables that could not be read
    sockets_unlisted, // held sockets in network namespaces that were not entered
    // of lists without bytes
    namespaces_unlisted, // that were not entered
    held_unlisted,       // as sockets_unlisted
};

class Faults {
public:
    static constexpr std::size_t kinds = static_cast<std::size_t>(Fault::held_unlisted) + 1;

    std::uint64_t& operator[](Fault fault) { return counts_.at(static_cast<std::size_t>(fault)); }
    std::uint64_t operator[](Fault fault) const { return counts_.at(static_cast<std::size_t>(fault)); }
    /// Adds the counts of another network namespace.
    Faults& operator+=(const Faults& more);

private:
    std::array<std::uint64_t, kinds> counts_{};
};

std::vector<Note> notes_of(const Faults& faults);
void add_notes(std::vector<Note>& notes, const Faults& faults);

/// The remedy for totals of UDP, which the kernel does not keep.
inline constexpr std::string_view udp_totals_remedy =
    "measure a window, such as -d 1s, or leave UDP out: --protocol tcp";

/// Loads the modules if the kernel does not load them by itself, also at the next boot (modules-load.d(5)). One line
/// for a shell, which ends in a comment. It has no backslash, because TSV would double it.
inline constexpr std::string_view diag_modules_remedy =
    "modprobe -a tcp_diag udp_diag && (echo tcp_diag; echo udp_diag) > "
    "/etc/modules-load.d/socktally.conf # or a kernel with "
    "CONFIG_INET_TCP_DIAG and CONFIG_INET_UDP_DIAG";

} // namespace socktally
