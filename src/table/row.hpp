// SPDX-License-Identifier: MIT
// The data that is printed: rows, each of a group of flows, and facts about the sample.
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

/// The kind of a row. The name does not show it: a process may call itself "[exited]" or "other".
enum class RowKind : std::uint8_t {
    process, // of a process, or of several
    cause,   // of traffic without an owner; the name in brackets says why
    other,   // the sum of the rows past the first N
};
std::string_view to_string(RowKind kind); // "process"

/// Another process that owns a socket.
struct Sharer {
    Pid pid;
    std::string name; // raw bytes
    auto operator<=>(const Sharer&) const = default;
};

/// A field that is not a sum is set if all flows of the row have the same value, else null.
struct Row {
    std::optional<std::string> host;
    std::optional<TimePoint> time; // start of the window, or of the hour or day in a report
    std::optional<RowKind> kind;
    std::optional<Pid> pid;
    std::optional<StartTime> start_time;
    std::optional<std::string> process; // name, a cause in brackets, or "other"; raw bytes, which formats escape
    std::optional<Uid> uid;
    std::optional<std::string> user;          // set from uid by the caller
    std::shared_ptr<const Identity> identity; // what the processes of the row have in common; null: nothing
    std::optional<Inode> netns;               // of a flow's socket, else of its owner
    std::uint32_t device = 0;                 // Flow::interface of a flow, for filters
    std::optional<std::uint64_t> trees;       // see Process::trees
    std::optional<std::string> netns_name;    // set from netns by the caller
    std::optional<Protocol> protocol;
    std::optional<Address> local_address;
    std::optional<std::uint16_t> local_port;
    std::optional<Address> remote_address;
    std::optional<std::uint16_t> remote_port;
    std::optional<std::uint16_t> port;    // the port of the service: local if accepted, else remote
    std::optional<std::string> interface; // name; set only in rows by interface, which have no flows
    std::optional<Outbound> outbound;
    std::optional<Address> busiest_remote;    // the peer of most bytes, if the format shows it
    std::shared_ptr<const SocketFacts> facts; // of rows of `ports`, and of TCP if a column asks for it; else null
    std::optional<std::uint64_t> rx_bytes;    // of the flows whose bytes are known; null if none are known
    std::optional<std::uint64_t> tx_bytes;
    std::optional<std::uint64_t> rx_bytes_per_sec; // set by add_rates(), like the next four
    std::optional<std::uint64_t> tx_bytes_per_sec;
    std::optional<std::uint64_t> bytes_per_sec; // of both directions
    std::optional<std::uint64_t> bits_per_sec;
    std::optional<Decimal> share;                 // of all bytes, in percent
    PacketCounts packets;                         // null as soon as one flow's are null, else a sum would be too small
    std::optional<std::uint64_t> connections = 0; // number of sockets; null if saved rows do not have it
    std::uint64_t unknown_connections = 0;        // number of sockets whose bytes are unknown and so not in the sums
    std::optional<std::string> published;         // see published_ports_of(); set if it was asked for
    std::vector<Sharer> shared_with;              // all other owners of its sockets, sorted; set if it was asked for
    std::optional<Quality> attribution;           // the worst one of its flows; null for RowKind::other
    // Set only in reports, for rows that do not cover the whole report.
    std::optional<std::chrono::nanoseconds> window; // total length of the windows that the bytes are of; 0: unknown
    std::optional<TimePoint> until;                 // the end of the last of these windows

    bool is_other() const { return kind == RowKind::other; }
};

/// Returns whether the row is one of `ports`, in which a null field means that the socket does not have it.
inline bool is_listed(const Row& row) { return row.facts != nullptr && row.facts->is_listed; }

/// Sums of the known values; a sum is null if there are values but none is known.
struct Totals {
    std::optional<std::uint64_t> rx_bytes = 0;
    std::optional<std::uint64_t> tx_bytes = 0;
    std::optional<std::uint64_t> unattributed_rx_bytes = 0; // the part of rx_bytes that has no owner
    std::optional<std::uint64_t> unattributed_tx_bytes = 0;
    std::uint64_t unknown_connections = 0; // number of sockets whose bytes are unknown and so not in the sums
};

/// Connections of which both ends are in the report.
struct LocalTraffic {
    std::uint64_t connections = 0;
    std::uint64_t hideable = 0; // those that --no-loopback would leave out
};

/// Totals that only grow from run to run, of all traffic with these labels.
struct GrowingSeries {
    using Labels = std::vector<std::pair<std::string, std::string>>; // name and value, any bytes
    Labels labels;
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t connections = 0;                          // of this run only
    std::uint64_t unknown_connections = 0;                  // of this run only; their bytes are not in the totals
    std::optional<std::uint64_t> rx_packets = std::nullopt; // of interfaces; null for totals of sockets
    std::optional<std::uint64_t> tx_packets = std::nullopt;
    bool operator==(const GrowingSeries&) const = default;
};

/// Everything a format needs. Commands make it, formats print it.
struct Report {
    std::string host;
    std::string boot_id;
    std::chrono::system_clock::time_point started_at;
    std::optional<std::chrono::system_clock::time_point> since; // last run: the figures are counted from there
    std::chrono::nanoseconds duration{0};
    std::string backend;
    bool is_list = false;       // sockets as they are now, without bytes
    bool is_of_command = false; // the window is as long as a command took
    bool cumulative = false;    // the figures are totals that only grow, not those of one window
    bool complete = true;
    std::vector<Note> notes;
    GroupBy by;
    Totals totals;
    std::vector<Row> rows;
    std::vector<GrowingSeries> series; // printed instead of the rows if the figures are cumulative
    std::optional<Per> per;            // set if each row of a report is of one hour or one day
    std::vector<InterfaceTraffic> interfaces;
    std::uint64_t group_count = 0; // rows before --alert and --top; by process or by name, only rows of processes
    LocalTraffic local;            // set if the format is for people
    std::string idle_hint;         // printed for people if there are no rows
};

} // namespace socktally
