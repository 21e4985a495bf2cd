// SPDX-License-Identifier: MIT
// One thing that a sample could not see, or could not see for sure. What every note of a code has in common is in the
// table of note.cpp; what to do about a note is decided by that table, never by its text.
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
    sum_overflow,
    rows_past_top,
    given_twice,
    windows_overlap,
    key_unanswered,
    alert_unanswered,
    other_layer,
    backend_declined,
};

/// The name that programs know the code by: "udp-bytes". It never changes.
std::string_view to_string(NoteCode code);

/// When a note goes to standard error, for formats without notes. With --verbose all go there except those
/// that are told elsewhere.
enum class Telling : std::uint8_t {
    if_incomplete, // only if a figure may be short because of it
    always,        // because the user can do something about it
    in_silence,    // also if an alert printed nothing
    elsewhere,     // it was said when it was found out
};
Telling telling(NoteCode code);

/// The sockets and bytes that a note says are missing. Null: unknown.
struct Missing {
    std::optional<std::uint64_t> sockets;
    std::optional<std::uint64_t> rx_bytes; // of the sockets whose bytes are known
    std::optional<std::uint64_t> tx_bytes;
};

struct Note {
    /// The subject of a note. If nothing of that is printed, the note is not either.
    enum class About : std::uint8_t {
        everything,
        window,
        protocol,
        open_sockets, // of the protocol whose bytes are unknown: they are in the sample
        shared_sockets,
        unowned_sockets,
        other_namespaces,
    };

    /// Takes what is not given from the table.
    explicit Note(NoteCode code);
    Note(NoteCode code, std::string message);
    Note(NoteCode code, std::string message, std::string_view remedy);

    NoteCode code;
    std::string message; // one line for people
    std::string remedy;  // one line that would fix it; empty if nothing would
    bool incomplete;     // a figure may be short because of it
    About about;
    Protocol protocol = Protocol::udp;             // if it is about one
    std::optional<Missing> missing = std::nullopt; // if it can be told
};

/// Whether no figure is short.
inline bool is_complete(const std::vector<Note>& notes)
{
    return std::none_of(notes.begin(), notes.end(), [](const Note& note) { return note.incomplete; });
}

/// The remedy if a privilege is missing. doctor prints a setcap(8) line instead.
inline constexpr std::string_view privilege_remedy = "run with sudo, or grant capabilities (see socktally doctor)";

} // namespace socktally
