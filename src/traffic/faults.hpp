// SPDX-License-Identifier: MIT
// Counts what a backend could not see, and makes notes of it.
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
    late_events,          // not all had come when we stopped waiting
    events_lost,          // with a large buffer
    events_lost_small,    // with the small buffer that an unprivileged process has
    garbled,              // messages that made no sense
    disturbed,            // no dump without repeats
    missed,               // connections opened that no dump and no event showed
    missed_by_first_dump, // connections taken for new that were there before
    without_counters,     // connections for which an old kernel has no counters
    disappeared,          // connections that ended in no dump and no event
    late,                 // connections that had disappeared in another window and came back
    begun_late,           // namespaces that could not be entered before the window
    resets,               // connections whose counters began anew
    udp_unknown,          // datagrams moved, or may have
    udp_unknown_totals,   // the same without a window
    udp_unlisted,         // the kernel cannot list UDP sockets
    // of packets
    packets_dropped,     // found the buffer full
    packets_late,        // the kernel kept the last ones too long
    packets_cut,         // longer headers than were captured
    fragments_unmatched, // without a first one
    holes_forgotten,     // what filled them was not counted
    captured_late,       // namespaces whose packets were captured a while after the window began
    packets_malformed,   // no socket got them
    ended_unread,        // TcpMoved, in connections
    unsent_unknown,      // likewise
    failed_lists,        // of sockets
    failed_links,        // lists of interfaces
    unread_datagrams,    // not read, and of unknown length
    forward_unsure,      // flows taken for forwarded ones (sightings.hpp)
    // of processes
    owners_unread,    // reads of descriptor tables that failed
    sockets_unlisted, // sockets that they hold, in network namespaces that were not entered
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

/// The kernel keeps no totals for UDP sockets.
inline constexpr std::string_view udp_totals_remedy =
    "measure a window, such as -d 1s, or leave UDP out: --protocol tcp";

/// If the kernel does not load them by itself, and for the next boot (modules-load.d(5)). One line for a shell, the
/// end of it a comment; no backslash, which TSV would double.
inline constexpr std::string_view diag_modules_remedy =
    "modprobe -a tcp_diag udp_diag && (echo tcp_diag; echo udp_diag) > "
    "/etc/modules-load.d/socktally.conf # or a kernel with "
    "CONFIG_INET_TCP_DIAG and CONFIG_INET_UDP_DIAG";

} // namespace socktally
