// SPDX-License-Identifier: MIT
// The data that formats print: rows, each for a group of flows or an interface, and facts about the sample.
#pragma once

#include "model/flow.hpp"
#include "model/lookup.hpp"
#include "model/sample.hpp"
#include "model/socket_facts.hpp"
#include "table/keys.hpp"
#include "util/number.hpp"
#include "util/timestamp.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace socktally {

/// The kind of a row. A row's name does not show its kind, because a process may be called "[exited]" or "other".
enum class RowKind : std::uint8_t {
    process, // traffic of one process or of several
    cause,   // traffic without an owner; the name in brackets is the cause
    other,   // sum of the rows past the first N (--top N)
};
std::string_view to_string(RowKind kind); // "process"

/// An owner of a socket other than the one in Row::pid.
struct Sharer {
    Pid pid;
    std::string name; // raw bytes
    auto operator<=>(const Sharer&) const = default;
};

/// A field that is not a sum is null unless all flows of the row have the same value.
struct Row {
    std::optional<std::string> host;
    std::optional<TimePoint> time; // start of the window; in `report --per`, of the hour or day
    std::optional<RowKind> kind;
    std::optional<Pid> pid;
    std::optional<StartTime> start_time;
    std::optional<std::string> process; // process name, cause in brackets, or "other"; raw bytes, which formats escape
    std::optional<Uid> uid;
    std::optional<std::string> user;          // name of `uid`; looked up after grouping
    std::shared_ptr<const Identity> identity; // facts that all processes of the row have in common; null: none
    std::optional<Inode> netns;               // network namespace of the sockets; if unknown, of the owner
    std::uint32_t device = 0;                 // index of the interface (Flow::interface), for filters; 0: unknown
    std::optional<std::uint64_t> trees;       // see Process::trees
    std::optional<std::string> netns_name;    // name of `netns`; looked up after grouping
    std::optional<Protocol> protocol;
    std::optional<Address> local_address;
    std::optional<std::uint16_t> local_port;
    std::optional<Address> remote_address;
    std::optional<std::uint16_t> remote_port;
    std::shared_ptr<const RemoteName> remote; // name of the remote address; null: none
    std::optional<std::uint16_t> port;        // port of the service: the local port if accepted, else the remote port
    std::optional<std::string> interface;     // name of the interface; set only with --by interface
    std::optional<Outbound> outbound;
    std::optional<Address> busiest_remote;     // remote address with most bytes; set if the format shows it
    std::shared_ptr<const RemoteName> busiest; // the name of busiest_remote; null: none
    std::shared_ptr<const SocketFacts> facts;  // set by `ports`, and for TCP if an option needs them; else null
    std::shared_ptr<NameLookups> lookups;      // set by `dns`, else null; copied before it is changed
    std::optional<std::uint64_t> rx_bytes;     // sum over the flows whose bytes are known; null if there are none
    std::optional<std::uint64_t> tx_bytes;
    std::optional<std::uint64_t> rx_bytes_per_sec; // add_rates() sets this and the next four
    std::optional<std::uint64_t> tx_bytes_per_sec;
    std::optional<std::uint64_t> bytes_per_sec; // of both directions
    std::optional<std::uint64_t> bits_per_sec;
    std::optional<Decimal> share; // percent of all known bytes
    PacketCounts packets;         // a count is null if it is unknown for any flow, because the sum would be too small
    std::optional<std::uint64_t> connections = 0; // number of sockets; null if a saved row lacks it
    std::uint64_t unknown_connections = 0;        // number of sockets with unknown bytes, which the sums lack
    std::optional<std::string> published;         // see published_ports_of(); set if an option asks for it
    std::vector<Sharer> shared_with;              // other owners of the sockets, sorted; set if an option asks for them
    std::optional<Quality> attribution;           // worst quality of the row's flows; null for RowKind::other
    // Only `report` sets the next two.
    std::optional<std::chrono::nanoseconds> window; // total length of all windows that the row covers; 0: unknown
    std::optional<TimePoint> until;                 // end of the last of these windows

    bool is_other() const { return kind == RowKind::other; }
};

/// Returns whether the row is of `ports`. A null field of such a row means that the socket has no such value.
inline bool is_listed(const Row& row) { return row.facts != nullptr && row.facts->is_listed; }

/// Sums of the known values in all rows. A sum is null if there are rows, but none has a known value.
struct Totals {
    std::optional<std::uint64_t> rx_bytes = 0;
    std::optional<std::uint64_t> tx_bytes = 0;
    std::optional<std::uint64_t> unattributed_rx_bytes = 0; // bytes of rx_bytes that have no owner
    std::optional<std::uint64_t> unattributed_tx_bytes = 0;
    std::uint64_t unknown_connections = 0; // number of sockets with unknown bytes, which the sums lack
};

/// Numbers of connections with both ends in the report.
struct LocalTraffic {
    std::uint64_t connections = 0;
    std::uint64_t hideable = 0; // number of connections that --no-loopback would leave out
};

/// Totals of the traffic with these labels over all runs of --since. The totals never shrink.
struct GrowingSeries {
    using Labels = std::vector<std::pair<std::string, std::string>>; // name and value of each label; any bytes
    Labels labels;
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t connections = 0;         // number of sockets in this run
    std::uint64_t unknown_connections = 0; // number of sockets in this run with unknown bytes, which the totals lack
    std::optional<std::uint64_t> rx_packets = std::nullopt; // packets; null unless the series is of an interface
    std::optional<std::uint64_t> tx_packets = std::nullopt;
    bool operator==(const GrowingSeries&) const = default;
};

/// Rows that are made one at a time, when they are printed. A list of sockets is long, and a Row is large.
struct MadeRows {
    std::size_t count = 0;
    std::function<Row(std::size_t)> make{};
};

/// All data that a format prints. A command fills it in.
struct Report {
    std::string host;
    std::string boot_id;
    std::chrono::system_clock::time_point started_at;
    /// Time of the last run of --since; null if the figures do not begin at an earlier run.
    std::optional<std::chrono::system_clock::time_point> since;
    std::chrono::nanoseconds duration{0};
    std::string backend;
    bool is_list = false;       // true for `ports`: sockets as they are now, without bytes
    bool is_of_command = false; // true for `run`: the window lasts as long as the command
    bool cumulative = false;    // true if the figures are totals that grow from run to run (--since)
    bool complete = true;
    std::vector<Note> notes;
    GroupBy by;
    Totals totals;
    std::vector<Row> rows;
    MadeRows made;                     // printed in place of `rows` if there are any
    std::vector<GrowingSeries> series; // printed in place of `rows` if `cumulative`
    std::optional<Per> per;            // set if each row of `report` is for one hour or one day
    std::vector<InterfaceTraffic> interfaces;
    std::map<Service, std::string> services; // names of the ports in the rows; set with --service-names
    /// Number of rows before --alert and --top. If rows are by process or by name, rows without an owner do not count.
    std::uint64_t group_count = 0;
    LocalTraffic local; // set if the format is for people
    std::string hint;   // text that a format for people prints below the table, or in its place if there are no rows

    bool has_rows() const { return !rows.empty() || made.count != 0; }
};

} // namespace socktally
