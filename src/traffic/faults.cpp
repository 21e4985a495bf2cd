// SPDX-License-Identifier: MIT
#include "traffic/faults.hpp"

#include <fmt/format.h>

#include <string_view>

namespace socktally {

namespace {

/// In `message` {0} is the count, and {1} the ending of the plural.
struct Words {
    Fault fault;
    NoteCode code;
    std::string_view message;
    std::string_view remedy{};
};

constexpr std::array<Words, Faults::kinds> table{{
    {Fault::interrupted, NoteCode::interrupted, "a signal ended the window early"},
    {Fault::not_listening, NoteCode::events_lost,
     "the kernel does not announce closed sockets: what connections that closed in the window had moved is missing",
     "use a kernel with CONFIG_INET_DIAG and sock_diag multicast (Linux 4.2)"},
    {Fault::late_events, NoteCode::events_lost,
     "the kernel was late in announcing closed sockets: last bytes may be missing"},
    {Fault::events_lost, NoteCode::events_lost,
     "{0} announcements of closed sockets were lost: their last bytes are missing"},
    {Fault::events_lost_small, NoteCode::events_lost,
     "{0} announcements of closed sockets were lost: their last bytes are missing", setcap_remedy},
    {Fault::garbled, NoteCode::dump_unclean, "{0} messages of the kernel made no sense"},
    {Fault::disturbed, NoteCode::dump_unclean,
     "so many sockets came and went that no list of them was undisturbed: some may be missing"},
    {Fault::missed, NoteCode::connections_missed,
     "{0} connections were opened that no list and no announcement showed"},
    {Fault::missed_by_first_dump, NoteCode::dump_unclean,
     "the first list of sockets missed {0} connections: what they had moved before is counted too"},
    {Fault::without_counters, NoteCode::no_counters, "the kernel has no counters for {0} connections",
     "use Linux 4.9 or later"},
    {Fault::failed_quick_lists, NoteCode::owners_unread, "{0} lists of new sockets failed: some owners may be unknown"},
    {Fault::disappeared, NoteCode::sockets_vanished, "{0} connections ended without a trace of their last bytes"},
    {Fault::late, NoteCode::sockets_vanished,
     "{0} connections that had vanished in another window are counted to their end now: some of their bytes were moved "
     "then"},
    {Fault::begun_late, NoteCode::other_netns,
     "{0} other network namespaces could be entered only after the window had begun: what moved there before is "
     "missing"},
    {Fault::resets, NoteCode::counters_reset,
     "the counters of {0} connections were reset (reconnect, or close with SO_LINGER 0): what they had moved before is "
     "missing"},
    {Fault::udp_unknown, NoteCode::udp_bytes, "the bytes of UDP sockets are unknown", setcap_remedy},
    {Fault::udp_unknown_totals, NoteCode::udp_bytes, "the bytes of UDP sockets are unknown",
     "a window, as with -d 1s: the kernel keeps no totals of UDP sockets"},
    {Fault::udp_unlisted, NoteCode::udp_bytes, "UDP sockets cannot be listed", diag_modules_remedy},
    {Fault::packets_dropped, NoteCode::packets_dropped,
     "{0} packet{1} found the capture buffer full: their bytes are missing", "give it more room: --capture-buffer 64M"},
    {Fault::packets_late, NoteCode::packets_dropped, "the kernel was late in handing over the last packets"},
    {Fault::packets_cut, NoteCode::packets_unread,
     "{0} packet{1} had longer headers than are captured: their bytes are missing"},
    {Fault::fragments_unmatched, NoteCode::packets_unread,
     "{0} packet{1} were fragments of datagrams whose beginning was not seen"},
    {Fault::holes_forgotten, NoteCode::packets_unread,
     "connections lost packets in {0} places more than can be kept in mind: what was sent again there is missing"},
    {Fault::captured_late, NoteCode::packets_unread,
     "packets in {0} network namespace{1} could be captured only after the window had begun: the first ones are "
     "missing"},
    {Fault::packets_malformed, NoteCode::packets_malformed,
     "{0} packet{1} had lengths that do not fit, and went to no socket"},
    {Fault::ended_unread, NoteCode::queues_unseen,
     "{0} connection{1} ended by a reset or without a sign: bytes that nobody read count as received, and unsent ones "
     "are missing"},
    {Fault::unsent_unknown, NoteCode::queues_unseen,
     "{0} connection{1} had bytes in the send queue at an end of the window: without sock_diag it is not known which "
     "of them were on the wire"},
    {Fault::failed_lists, NoteCode::owners_unread, "sockets could not be listed {0} times: some owners may be unknown"},
    {Fault::failed_links, NoteCode::packets_unread,
     "network interfaces could not be listed: packets may be counted at two of them"},
    {Fault::unread_datagrams, NoteCode::datagrams_unread,
     "datagrams reached sockets and were not all read ({0} dropped or left of unknown length): what their processes "
     "received is not known to the byte"},
    {Fault::forward_unsure, NoteCode::forwarded_unsure,
     "{0} flow{1} with an address of this machine and no socket: taken for what is forwarded with other addresses "
     "(NAT), and not counted, though not all of it was seen twice"},
}};

} // namespace

Faults& Faults::operator+=(const Faults& more)
{
    for (std::size_t i = 0; i < kinds; ++i) {
        counts_.at(i) += more.counts_.at(i);
    }
    return *this;
}

std::vector<Note> notes_of(const Faults& faults)
{
    std::vector<Note> notes;
    for (const Words& words : table) {
        const std::uint64_t count = faults[words.fault];
        if (count != 0) {
            notes.push_back(
                {words.code, fmt::format(fmt::runtime(words.message), count, count == 1 ? "" : "s"), words.remedy});
        }
    }
    return notes;
}

} // namespace socktally
