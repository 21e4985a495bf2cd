// SPDX-License-Identifier: MIT
// A note: one thing that a sample could not see, or not for sure. The table in note.cpp has what all notes of a code
// share. It alone decides how a note is handled; the text of a note never does.
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
    shared_sockets,
    owners_denied,
    owners_unread,
    container_names,
    user_names,
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
    other_layer,
    backend_declined,
};

/// Returns the name by which scripts know the code, "udp-bytes". Names never change.
std::string_view to_string(NoteCode code);

/// When formats that have no notes print a note on standard error. With --verbose they print all but those told
/// elsewhere.
enum class Telling : std::uint8_t {
    if_incomplete, // only if a figure may be too low because of it
    always,        // always, because the user can do something about it
    in_silence,    // even if the alert was not raised and nothing else is printed
    elsewhere,     // never: it was printed when it was found
};
Telling telling(NoteCode code);

/// The sockets and bytes that a note says are missing. Null: unknown.
struct Missing {
    std::optional<std::uint64_t> sockets;
    std::optional<std::uint64_t> rx_bytes; // of the sockets whose bytes are known
    std::optional<std::uint64_t> tx_bytes;
};

struct Note {
    /// The subject of a note. A note is printed only if something of its subject is printed.
    enum class About : std::uint8_t {
        everything,
        window,
        protocol,
        open_sockets, // sockets in the sample, of the note's protocol, whose bytes are unknown
        shared_sockets,
        unowned_sockets,
        other_namespaces,
    };

    /// Takes message and remedy from the table if they are not given.
    explicit Note(NoteCode code);
    Note(NoteCode code, std::string message);
    Note(NoteCode code, std::string message, std::string_view remedy);

    NoteCode code;
    std::string message; // one line for people
    std::string remedy;  // one line that says how to fix it; empty if nothing helps
    bool incomplete;     // figures may be too low because of it
    About about;
    Protocol protocol = Protocol::udp;             // used if the note is about one protocol
    std::optional<Missing> missing = std::nullopt; // set if the amount is known
};

/// Returns whether no figure is too low.
inline bool is_complete(const std::vector<Note>& notes)
{
    return std::none_of(notes.begin(), notes.end(), [](const Note& note) { return note.incomplete; });
}

/// The remedy for a missing privilege. doctor prints a setcap(8) line instead.
inline constexpr std::string_view privilege_remedy = "run with sudo, or grant capabilities (see socktally doctor)";

} // namespace socktally
