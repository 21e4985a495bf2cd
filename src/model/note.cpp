// SPDX-License-Identifier: MIT
// The table of notes: one row for each code, in the order of the enum and of socktally-output(5).
#include "model/note.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace socktally {

namespace {

struct NoteKind {
    NoteCode code;
    std::string_view name;
    bool incomplete;
    std::string_view message{}; // empty if each note of this code has its own message, with a figure or a name
    std::string_view remedy{};
    Note::About about = Note::About::everything;
    Telling telling = Telling::if_incomplete;
};

using enum NoteCode;
using About = Note::About;
constexpr bool incomplete = true;
constexpr bool complete = false;

constexpr std::string_view ebpf_remedy = "use -b ebpf to count them (see socktally doctor)";
constexpr std::string_view netns_remedy = "run with sudo, or use --netns current for this namespace only";
constexpr std::string_view outside_remedy = "run socktally outside the container";
constexpr std::string_view root_remedy = "run with sudo";

constexpr std::array kinds = {
    NoteKind{udp_bytes, "udp-bytes", incomplete, "the bytes of UDP sockets are unknown", "", About::protocol},
    NoteKind{uncounted_bytes, "uncounted-bytes", incomplete, "", ebpf_remedy, About::protocol},
    NoteKind{packet_sockets, "packet-sockets", complete, "", ebpf_remedy, About::open_sockets},
    NoteKind{no_bytes, "no-bytes", incomplete,
             "bytes are not counted: sockets are only listed, at the start and the end of the window",
             "see socktally doctor for what better backends need"},
    NoteKind{events_lost, "events-lost", incomplete},
    NoteKind{connections_missed, "connections-missed", incomplete},
    NoteKind{closed_since, "closed-since", incomplete},
    NoteKind{unseen_before, "unseen-before", incomplete},
    NoteKind{first_run, "first-run", complete,
             "first run with this state file: bytes are counted since each socket was opened", "", About::window},
    NoteKind{begun_anew, "begun-anew", incomplete, "", "", About::window, Telling::elsewhere},
    NoteKind{dump_unclean, "dump-unclean", incomplete},
    NoteKind{counters_reset, "counters-reset", incomplete},
    NoteKind{no_counters, "no-counters", incomplete},
    NoteKind{forwarded_unsure, "forwarded-unsure", incomplete, "", "", About::protocol},
    NoteKind{datagrams_unread, "datagrams-unread", incomplete, "", "", About::protocol},
    NoteKind{packets_dropped, "packets-dropped", incomplete},
    NoteKind{queues_unseen, "queues-unseen", incomplete},
    NoteKind{packets_unread, "packets-unread", incomplete},
    NoteKind{name_changed, "name-changed", incomplete, "", "", About::window},
    NoteKind{packets_malformed, "packets-malformed", complete},
    NoteKind{sockets_vanished, "sockets-vanished", incomplete},
    NoteKind{closed_unseen, "closed-unseen", incomplete},
    NoteKind{rx_counted_twice, "rx-counted-twice", incomplete,
             "netstat of macOS 15 and later counts received packets twice: received bytes are unknown"},
    NoteKind{headers_counted, "headers-counted", incomplete,
             "netstat before macOS 15 also counts retransmissions and packet headers"},
    NoteKind{command_timed_out, "command-timed-out", incomplete},
    NoteKind{addresses_cut, "addresses-cut", incomplete},
    NoteKind{shared_sockets, "shared-sockets", incomplete, "", "", About::shared_sockets},
    NoteKind{owners_denied, "owners-denied", complete, "cannot identify the processes of other users", "",
             About::unowned_sockets, Telling::always},
    NoteKind{owners_unread, "owners-unread", complete},
    NoteKind{container_names, "container-names", complete},
    NoteKind{user_names, "user-names", complete},
    NoteKind{remote_names, "remote-names", complete},
    NoteKind{identity_unread, "identity-unread", complete},
    NoteKind{other_pidns, "other-pidns", complete, "", outside_remedy},
    NoteKind{spliced_bytes, "spliced-bytes", incomplete, "", root_remedy},
    NoteKind{socket_memory, "socket-memory", incomplete,
             "the kernel had no memory to track some TCP sockets: bytes read from them by splice(2) are missing, and "
             "the number of connections is too low",
             "sysctl net.core.optmem_max=131072"},
    NoteKind{missed_calls, "missed-calls", incomplete},
    NoteKind{too_many_processes, "too-many-processes", incomplete,
             "too many processes moved bytes: the rest are counted in [unknown]"},
    NoteKind{too_many_sockets, "too-many-sockets", incomplete,
             "too many sockets moved bytes: the rest are counted by process, without addresses"},
    NoteKind{too_many_peers, "too-many-peers", incomplete},
    NoteKind{no_peers, "no-peers", complete},
    NoteKind{no_packets, "no-packets", incomplete},
    NoteKind{packets_partly, "packets-partly", incomplete,
             "only some control groups are visible here: packets of sockets in other groups are not counted",
             outside_remedy},
    NoteKind{shared_packets, "shared-packets", complete},
    NoteKind{filter_unjudged, "filter-unjudged", incomplete},
    NoteKind{run_unplaced, "run-unplaced", incomplete, "",
             "use -b ebpf to follow all processes of the command (see socktally doctor)"},
    NoteKind{processes_left, "processes-left", complete,
             "processes that the command started still run: what they move from now on is not counted",
             "use --detached-too 1m to wait for them", About::window, Telling::always},
    NoteKind{interrupted, "interrupted", incomplete, "a signal ended the window early", "", About::window},
    NoteKind{other_netns, "other-netns", incomplete, "", netns_remedy, About::other_namespaces},
    NoteKind{sockets_unlisted, "sockets-unlisted", incomplete},
    NoteKind{no_snapshots, "no-snapshots", incomplete, "no matching snapshots in the input"},
    NoteKind{snapshots_incomplete, "snapshots-incomplete", incomplete},
    NoteKind{lines_left_out, "lines-left-out", incomplete},
    NoteKind{totals_added, "totals-added", incomplete, "",
             "do not save samples of -d 0, nor the first sample of --since"},
    NoteKind{input_cut_off, "input-cut-off", complete, "the input ends in the middle of a snapshot, which was skipped"},
    NoteKind{filter_unmatched, "filter-unmatched", complete, "no row matches the filters", "", About::everything,
             Telling::always},
    NoteKind{filter_idle, "filter-idle", complete},
    NoteKind{sum_overflow, "sum-overflow", incomplete,
             "a sum is larger than 18446744073709551615 and is printed as that number"},
    NoteKind{rows_past_top, "rows-past-top", incomplete, "", "save without --top"},
    NoteKind{given_twice, "given-twice", complete, "", "", About::everything, Telling::always},
    NoteKind{windows_overlap, "windows-overlap", incomplete},
    NoteKind{key_unanswered, "key-unanswered", incomplete},
    NoteKind{alert_unanswered, "alert-unanswered", incomplete,
             "rates are unknown without a window: alerts on rates were not checked", "", About::everything,
             Telling::in_silence},
    NoteKind{lookups_unread, "lookups-unread", incomplete},
    NoteKind{lookups_encrypted, "lookups-encrypted", incomplete},
    NoteKind{lookups_unanswered, "lookups-unanswered", complete},
    NoteKind{lookups_elsewhere, "lookups-elsewhere", complete},
    NoteKind{other_layer, "other-layer", complete},
    NoteKind{backend_declined, "backend-declined", complete, "", "", About::everything, Telling::elsewhere},
};

constexpr const NoteKind& kind_of(NoteCode code) { return kinds.at(static_cast<std::size_t>(code)); }

constexpr bool has_row_for_each_code()
{
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        if (static_cast<std::size_t>(kinds.at(i).code) != i) {
            return false;
        }
    }
    return kinds.back().code == backend_declined;
}
static_assert(has_row_for_each_code());

} // namespace

std::string_view to_string(NoteCode code) { return kind_of(code).name; }
Telling telling(NoteCode code) { return kind_of(code).telling; }

Note::Note(NoteCode its_code) : Note(its_code, std::string(kind_of(its_code).message)) {}
Note::Note(NoteCode its_code, std::string its_message)
    : Note(its_code, std::move(its_message), kind_of(its_code).remedy)
{
}
Note::Note(NoteCode its_code, std::string its_message, std::string_view its_remedy)
    : code(its_code), message(std::move(its_message)), remedy(its_remedy), incomplete(kind_of(its_code).incomplete),
      about(kind_of(its_code).about)
{
}

} // namespace socktally
