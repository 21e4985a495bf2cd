// SPDX-License-Identifier: MIT
#include "traffic/faults.hpp"

#include "util/number.hpp"

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <string_view>

namespace socktally {

namespace {

/// The texts of a note. In `message`, {0} is the number with the noun ("3 connections"), {1} is "was" or "were", and
/// {2} is "is" or "are".
struct Words {
    Fault fault;
    NoteCode code;
    std::string_view noun;
    std::string_view message;
    std::string_view remedy{};
    std::optional<Note::About> about = std::nullopt; // null: the default of `code`
};

constexpr std::array<Words, Faults::kinds> words_of_faults{{
    {Fault::interrupted, NoteCode::interrupted, "", "a signal ended the window early"},
    {Fault::interrupted_totals, NoteCode::interrupted, "",
     "a signal came before all sockets were read: bytes may be missing", "", Note::About::everything},
    {Fault::not_listening, NoteCode::events_lost, "",
     "the kernel does not report closed sockets: the bytes of connections that closed in the window are missing",
     "use a kernel with CONFIG_INET_DIAG and sock_diag multicast (Linux 4.2)"},
    {Fault::late_events, NoteCode::events_lost, "",
     "the kernel reported closed sockets too late: their last bytes may be missing"},
    {Fault::events_lost, NoteCode::events_lost, "closed socket",
     "the kernel did not report {0}: the last bytes are missing"},
    {Fault::events_lost_small, NoteCode::events_lost, "closed socket",
     "the kernel did not report {0}: the last bytes are missing", privilege_remedy},
    {Fault::garbled, NoteCode::dump_unclean, "record",
     "{0} in the kernel's lists of sockets could not be understood: bytes may be missing"},
    {Fault::disturbed, NoteCode::dump_unclean, "", "sockets changed too fast for a complete list: some may be missing"},
    {Fault::missed, NoteCode::connections_missed, "connection", "{0} opened and closed unseen: bytes are missing"},
    {Fault::missed_by_first_dump, NoteCode::dump_unclean, "connection",
     "the first list of sockets missed {0}: bytes from before the window are counted too"},
    {Fault::without_counters, NoteCode::no_counters, "connection",
     "the kernel has no counters for {0}: the bytes are unknown", "use Linux 4.9 or later"},
    {Fault::disappeared, NoteCode::sockets_vanished, "connection", "{0} ended unseen: last bytes are missing"},
    {Fault::late, NoteCode::sockets_vanished, "connection",
     "{0} {1} missed in an earlier window: bytes moved since then are counted in this one"},
    {Fault::begun_late, NoteCode::other_netns, "network namespace",
     "{0} could be entered only after the window began: earlier bytes there are missing"},
    {Fault::resets, NoteCode::counters_reset, "connection",
     "the counters of {0} were reset (reconnected, or closed with SO_LINGER 0): earlier bytes are missing"},
    {Fault::udp_unknown, NoteCode::udp_bytes, "", "the bytes of UDP sockets are unknown", privilege_remedy},
    {Fault::udp_unknown_totals, NoteCode::udp_bytes, "", "the bytes of UDP sockets are unknown", udp_totals_remedy,
     Note::About::open_sockets},
    {Fault::udp_unlisted, NoteCode::udp_bytes, "", "UDP sockets cannot be listed", diag_modules_remedy},
    {Fault::packets_dropped, NoteCode::packets_dropped, "packet",
     "{0} did not fit into the capture buffer: bytes are missing", "enlarge it: --capture-buffer 64M"},
    {Fault::packets_late, NoteCode::packets_dropped, "",
     "the kernel delivered the last packets too late: their bytes are missing"},
    {Fault::packets_cut, NoteCode::packets_unread, "packet",
     "{0} had longer headers than socktally captures: bytes are missing"},
    {Fault::fragments_unmatched, NoteCode::packets_unread, "packet",
     "{0} {1} part of a datagram whose beginning was not seen: bytes are missing"},
    {Fault::holes_forgotten, NoteCode::packets_unread, "gap",
     "{0} in captured TCP data {1} given up: bytes that came later are missing"},
    {Fault::captured_late, NoteCode::packets_unread, "network namespace",
     "packets in {0} could be captured only after the window began: the first ones are missing"},
    {Fault::packets_malformed, NoteCode::packets_malformed, "packet",
     "{0} had wrong lengths and reached no socket: not counted"},
    {Fault::ended_unread, NoteCode::queues_unseen, "connection",
     "{0} {1} reset, or ended unseen: received bytes include what the program never read, and sent "
     "bytes lack what the kernel never sent"},
    {Fault::unsent_unknown, NoteCode::queues_unseen, "connection",
     "sent bytes of {0} are not exact: without sock_diag, it is not known how many bytes still wait to be sent"},
    {Fault::failed_lists, NoteCode::owners_unread, "attempt", "{0} to list sockets failed: some owners may be unknown"},
    {Fault::failed_links, NoteCode::packets_unread, "",
     "network interfaces could not be listed: packets may be counted twice"},
    {Fault::unread_datagrams, NoteCode::datagrams_unread, "datagram",
     "{0} {1} dropped or not read: received bytes are not exact"},
    {Fault::forward_unsure, NoteCode::forwarded_unsure, "flow",
     "{0} fitted no socket of this machine and {1} not counted, probably forwarded traffic (NAT)"},
    {Fault::closed_unseen, NoteCode::closed_unseen, "socket",
     "{0} closed in the window: last bytes are missing, and sockets that also opened in the window are not seen at "
     "all"},
    {Fault::short_lived_unseen, NoteCode::closed_unseen, "",
     "sockets that opened and closed in the window are not seen"},
    {Fault::rx_counted_twice, NoteCode::rx_counted_twice, "socket",
     "this macOS counts received packets twice: received bytes of {0} are unknown", "use -b ntstat"},
    {Fault::headers_counted, NoteCode::headers_counted, "socket",
     "bytes of {0} include the headers of packets, and sent bytes include retransmissions", "use -b ntstat"},
    {Fault::commands_timed_out, NoteCode::command_timed_out, "run",
     "{0} of netstat or lsof did not end in time: bytes or owners are missing"},
    {Fault::commands_failed, NoteCode::dump_unclean, "run",
     "{0} of netstat or lsof failed, or printed something else than expected: bytes or owners are missing"},
    {Fault::addresses_cut, NoteCode::addresses_cut, "socket",
     "netstat printed only a part of the addresses of {0}: these addresses are unknown"},
    {Fault::unlisted_before, NoteCode::unseen_before, "socket",
     "sockets could not be listed when the window began: bytes of {0} are unknown"},
    {Fault::unnumbered, NoteCode::no_counters, "socket",
     "the bytes of {0} are unknown, because netstat prints the same addresses for several sockets"},
    {Fault::closed_uncounted, NoteCode::closed_unseen, "flow",
     "{0} closed in the window, but the kernel did not send the last counters: last bytes are missing"},
    {Fault::counts_late, NoteCode::dump_unclean, "flow",
     "the kernel did not send the counters of {0} in time: bytes may be missing"},
    {Fault::quic_flows, NoteCode::uncounted_bytes, "QUIC flow",
     "{0} {1} left out, because the kernel describes QUIC in an unknown way", "", Note::About::everything},
    {Fault::rx_hidden, NoteCode::no_counters, "", "this machine hides the received bytes of network interfaces", "",
     Note::About::window},
    {Fault::lookups_dropped, NoteCode::packets_dropped, "packet",
     "{0} did not fit into the capture buffer: look-ups may be missing", "enlarge it: --capture-buffer 64M"},
    {Fault::lookups_unread, NoteCode::lookups_unread, "TCP connection",
     "the bytes of {0} were not all captured: look-ups may be missing"},
    {Fault::lookups_unkept, NoteCode::lookups_unread, "look-up", "{0} did not fit into memory and {1} not counted",
     "use shorter windows, such as --interval 10s"},
    {Fault::lookups_encrypted, NoteCode::lookups_encrypted, "connection",
     "{0} went to port 853: look-ups over TLS or QUIC cannot be read"},
    {Fault::lookups_unanswered, NoteCode::lookups_unanswered, "look-up",
     "{0} had no answer yet when the window ended: the outcome is not known"},
    {Fault::lookups_outside, NoteCode::other_netns, "other network namespace",
     "{0} could not be entered: look-ups there are missing"},
    {Fault::lookups_by_bus, NoteCode::lookups_elsewhere, "",
     "systemd-resolved runs: look-ups that programs make through it by D-Bus or varlink show as its own"},
    {Fault::owners_unread, NoteCode::owners_unread, "read",
     "{0} of /proc/PID/fd failed because memory or file descriptors ran out: some owners may be unknown",
     "ulimit -n 1024"},
    {Fault::sockets_unlisted, NoteCode::sockets_unlisted, "socket",
     "{0} {2} in a network namespace that could not be entered in time: bytes moved there are unknown"},
    {Fault::namespaces_unlisted, NoteCode::other_netns, "other network namespace",
     "{0} could not be entered: sockets there are not listed"},
    {Fault::held_unlisted, NoteCode::sockets_unlisted, "socket",
     "{0} {2} not listed, because a network namespace could not be entered"},
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
    for (const Words& words : words_of_faults) {
        const std::uint64_t count = faults[words.fault];
        if (count != 0) {
            const bool is_one = count == 1;
            notes.push_back({words.code,
                             fmt::format(fmt::runtime(words.message), plural(count, words.noun),
                                         is_one ? "was" : "were", is_one ? "is" : "are"),
                             words.remedy});
            notes.back().about = words.about.value_or(notes.back().about);
        }
    }
    return notes;
}

void add_notes(std::vector<Note>& notes, const Faults& faults)
{
    std::vector<Note> more = notes_of(faults);
    std::move(more.begin(), more.end(), std::back_inserter(notes));
}

} // namespace socktally
