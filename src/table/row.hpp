// SPDX-License-Identifier: MIT
// The printed data: flows grouped by a key, one row per group, and facts about the sample.
#pragma once

#include "model/flow.hpp"
#include "model/sample.hpp"
#include "model/socket_facts.hpp"
#include "table/keys.hpp"
#include "util/number.hpp"
#include "util/timestamp.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace socktally {

/// The kind of traffic in a row. Names do not show it: a process may call itself "[exited]" or "other".
enum class RowKind : std::uint8_t {
    process, // a process's, or several processes'
    cause,   // traffic without an owner; the name in brackets says why
    other,   // of the rows past the first N together
};
std::string_view to_string(RowKind kind); // "process"

/// A process that owns a socket together with another.
struct Sharer {
    Pid pid;
    std::string name; // raw bytes
    auto operator<=>(const Sharer&) const = default;
};

/// A field other than a sum is set if all flows of the row agree on it, else null.
struct Row {
    std::optional<std::string> host;
    std::optional<TimePoint> time; // when its window, or the piece of a report that it is of, began
    std::optional<RowKind> kind;
    std::optional<Pid> pid;
    std::optional<StartTime> start_time;
    std::optional<std::string> process; // name, a cause in brackets, or "other"; raw bytes, escaped only by render
    std::optional<Uid> uid;
    std::optional<std::string> user;          // filled from uid by the caller
    std::shared_ptr<const Identity> identity; // what the processes of the row agree on; null: nothing
    std::optional<Inode> netns;               // of a flow the socket's, else its owner's
    std::uint32_t device = 0;                 // of a flow: Flow::interface, which a filter may ask for
    std::optional<std::uint64_t> trees;       // of its process: Process::trees
    std::optional<std::string> netns_name;    // filled from netns by the caller
    std::optional<Protocol> protocol;
    std::optional<Address> local_address;
    std::optional<std::uint16_t> local_port;
    std::optional<Address> remote_address;
    std::optional<std::uint16_t> remote_port;
    std::optional<std::uint16_t> port;    // the service's: local if accepted, else remote
    std::optional<std::string> interface; // its name; only of rows by interface, which have no flows
    std::optional<Outbound> outbound;
    std::optional<Address> busiest_remote;    // with which most was moved; if the format shows it
    std::shared_ptr<const SocketFacts> facts; // of rows of `ports`, and of TCP if a column asks for it; else null
    std::optional<std::uint64_t> rx_bytes;    // of the flows whose bytes are known; null if no flow's are
    std::optional<std::uint64_t> tx_bytes;
    std::optional<std::uint64_t> rx_bytes_per_sec; // filled in by add_rates(), like the next four
    std::optional<std::uint64_t> tx_bytes_per_sec;
    std::optional<std::uint64_t> bytes_per_sec; // of both directions
    std::optional<std::uint64_t> bits_per_sec;
    std::optional<Decimal> share; // of all bytes, in percent
    PacketCounts packets;         // null as soon as one flow's are: nothing would say that a sum lacks some
    std::optional<std::uint64_t> connections = 0; // sockets in the row; null if saved rows do not tell
    std::uint64_t unknown_connections = 0;        // those of them whose bytes are unknown: the sums lack theirs
    std::optional<std::string> published;         // see published_ports_of(); if that was asked for
    std::vector<Sharer> shared_with;    // all others that own one of its sockets, sorted; if that was asked for
    std::optional<Quality> attribution; // the worst of its flows; null for RowKind::other
    // Only in reports, for rows that do not cover all of it; null: the row covers all of it.
    std::optional<std::chrono::nanoseconds> window; // the windows that the bytes are of together; 0: not known
    std::optional<TimePoint> until;                 // the end of the last of them

    bool is_other() const { return kind == RowKind::other; }
};

/// Returns whether the row is one of `ports`: what such a row does not have, the socket does not have.
inline bool is_listed(const Row& row) { return row.facts != nullptr && row.facts->is_listed; }

/// Sums of the known values; null if there are values and none is known.
struct Totals {
    std::optional<std::uint64_t> rx_bytes = 0;
    std::optional<std::uint64_t> tx_bytes = 0;
    std::optional<std::uint64_t> unattributed_rx_bytes = 0; // the part of rx_bytes that has no owner
    std::optional<std::uint64_t> unattributed_tx_bytes = 0;
    std::uint64_t unknown_connections = 0; // sockets whose bytes are unknown: the sums lack theirs
};

/// Connections of which the report has both ends.
struct LocalTraffic {
    std::uint64_t connections = 0;
    std::uint64_t hideable = 0; // those that --no-loopback leaves out
};

/// Totals that only grow from run to run, of all that has these labels.
struct GrowingSeries {
    using Labels = std::vector<std::pair<std::string, std::string>>; // name and value, any bytes
    Labels labels;
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t connections = 0;                          // those of this run
    std::uint64_t unknown_connections = 0;                  // the same; the totals lack what they moved
    std::optional<std::uint64_t> rx_packets = std::nullopt; // of interfaces; null for what is counted by sockets
    std::optional<std::uint64_t> tx_packets = std::nullopt;
    bool operator==(const GrowingSeries&) const = default;
};

/// Everything a format needs; made by commands, read by render.
struct Report {
    std::string host;
    std::string boot_id;
    std::chrono::system_clock::time_point started_at;
    std::optional<std::chrono::system_clock::time_point> since; // the last run that the figures are counted from
    std::chrono::nanoseconds duration{0};
    std::string backend;
    bool is_list = false;       // sockets as they are now, of which no bytes are counted
    bool is_of_command = false; // the window is as long as a command took
    bool cumulative = false;    // the figures are totals that only grow, not those of a window
    bool complete = true;
    std::vector<Note> notes;
    GroupBy by;
    Totals totals;
    std::vector<Row> rows;
    std::vector<GrowingSeries> series; // in place of the rows if the figures are cumulative
    std::optional<Per> per;            // of a report: its rows are of an hour or a day each
    std::vector<InterfaceTraffic> interfaces;
    std::uint64_t group_count = 0; // rows before --alert and --top; by process or name only those of processes
    LocalTraffic local;            // if the format is for people
    std::string idle_hint;         // what to say to people if there are no rows
};

} // namespace socktally
