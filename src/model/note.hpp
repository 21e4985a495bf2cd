// SPDX-License-Identifier: MIT
// A note: one thing that a sample could not measure, or could not measure with certainty. The table in note.cpp has the
// facts that all notes of a code share. How a note is handled depends only on this table, never on the text of the
// note.
#pragma once

#include "model/flow.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

enum class NoteCode : std::uint8_t {
    udp_bytes,
    uncounted_bytes,
    packet_sockets,
    no_bytes,
    events_lost,
    connections_missed,
    closed_since,
    unseen_before,
    first_run,
    begun_anew,
    dump_unclean,
    counters_reset,
    no_counters,
    forwarded_unsure,
    datagrams_unread,
    packets_dropped,
    queues_unseen,
    packets_unread,
    name_changed,
    packets_malformed,
    sockets_vanished,
    closed_unseen,
    rx_counted_twice,
    headers_counted,
    command_timed_out,
    addresses_cut,
    shared_sockets,
    owners_denied,
    owners_unread,
    container_names,
    user_names,
    remote_names,
    identity_unread,
    other_pidns,
    spliced_bytes,
    socket_memory,
    missed_calls,
    too_many_processes,
    too_many_sockets,
    too_many_peers,
    no_peers,
    no_packets,
    packets_partly,
    shared_packets,
    filter_unjudged,
    run_unplaced,
    processes_left,
    interrupted,
    other_netns,
    sockets_unlisted,
    no_snapshots,
    snapshots_incomplete,
    lines_left_out,
    totals_added,
    input_cut_off,
    filter_unmatched,
    filter_idle,
    sum_overflow,
    rows_past_top,
    given_twice,
    windows_overlap,
    key_unanswered,
    alert_unanswered,
    lookups_unread,
    lookups_encrypted,
    lookups_unanswered,
    lookups_elsewhere,
    other_layer,
    backend_declined,
};

/// Returns the name of the code for scripts, such as "udp-bytes". Names never change.
std::string_view to_string(NoteCode code);

/// When a note is printed on standard error. Only notes that are not in the output are printed there. --verbose prints
/// all of them, except those with `elsewhere`.
enum class Telling : std::uint8_t {
    if_incomplete, // only if the note says that a figure may be too low
    always,        // always, because the user can do something about it
    in_silence,    // even when nothing else is printed, because no row raises an alert
    elsewhere,     // never, because a message was printed when the cause was found
};
Telling telling(NoteCode code);

/// The number of sockets and bytes that a note reports as missing. Null: not known.
struct Missing {
    std::optional<std::uint64_t> sockets;
    std::optional<std::uint64_t> rx_bytes; // bytes of the missing sockets, as far as they are known
    std::optional<std::uint64_t> tx_bytes;
};

struct Note {
    /// The subject of a note. A note is printed only if the output may have something about its subject.
    enum class About : std::uint8_t {
        everything,
        window,
        protocol,
        open_sockets, // sockets of the note's protocol that the sample lists, but whose bytes are unknown
        shared_sockets,
        unowned_sockets,
        other_namespaces,
    };

    /// If the message or the remedy is not given, it is taken from the table in note.cpp.
    explicit Note(NoteCode code);
    Note(NoteCode code, std::string message);
    Note(NoteCode code, std::string message, std::string_view remedy);

    NoteCode code;
    std::string message; // one line about what is missing or uncertain
    std::string remedy;  // one line that says what the user can do; empty if nothing helps
    bool incomplete;     // true: some figures may be too low
    About about;
    Protocol protocol = Protocol::udp;             // the protocol of a note that is about one protocol
    std::optional<Missing> missing = std::nullopt; // set if the number of missing sockets or bytes is known
};

/// Returns whether none of the notes says that figures may be too low.
inline bool is_complete(const std::vector<Note>& notes)
{
    return std::none_of(notes.begin(), notes.end(), [](const Note& note) { return note.incomplete; });
}

/// The remedy for a missing privilege. doctor prints a setcap(8) line instead.
inline constexpr std::string_view privilege_remedy = "run with sudo, or grant capabilities (see socktally doctor)";

} // namespace socktally
