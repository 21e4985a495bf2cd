// SPDX-License-Identifier: MIT
// Counters before, counters after: what the kernel had counted at one instant, and what moved between two instants.
// Pure. A window of netlink subtracts its first list from its last, --since subtracts the snapshot in its file, and
// totals subtract nothing.
#pragma once

#include "model/sample.hpp"
#include "sockets/tcp_bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace socktally {

/// The counters of a TCP connection (struct tcp_info), and the payload that follows from them. The raw counters show
/// whether they were reset. The payload does not: the receive queue is measured before the counters, without the
/// socket's lock (tcp_diag_get_info()), so bytes that arrive in between count as read, and may still be unread in the
/// next snapshot.
struct SocketCounters {
    TcpPayload payload;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_acked = 0;
    std::uint32_t segs_in = 0;
    std::uint32_t segs_out = 0;
    std::uint64_t bytes_retrans = 0;
    bool operator==(const SocketCounters&) const = default;
};
SocketCounters counters_of(const Socket& socket, const TcpHints& hints);

/// Returns whether the counters were reset between two snapshots of a socket. The caller must also compare the remote
/// ends: a socket that was connected again has new counters, which may be higher than the old ones.
bool have_restarted(const SocketCounters& before, const SocketCounters& after);
/// Returns what moved between two snapshots of one connection. The payload of either may be a byte too low. If `after`
/// has less than `before`, it is raised to that, so that the next subtraction does not count a byte twice.
TcpPayload subtract(const SocketCounters& before, SocketCounters& after);
/// Makes `bytes` the retransmitted bytes of a flow if its facts have any; null: they are not known.
void set_retransmitted(Flow& flow, std::optional<std::uint64_t> bytes);

/// The number of snapshots in a row from which a socket may be missing before it is given up. A list may miss a socket
/// while others come and go (inet_diag).
inline constexpr std::uint32_t most_missed = 2;

/// The connections that were opened in a network namespace, as the kernel counts them.
struct OpenCounts {
    std::uint64_t opened = 0; // ProtocolCounters::tcp_opens
    std::uint64_t failed = 0; // ProtocolCounters::tcp_failures
    std::uint64_t ahead = 0;  // connections that a list has shown before the kernel counted them
    bool is_old = false;      // from an earlier snapshot, because the last one could not list the namespace
    bool operator==(const OpenCounts&) const = default;
};
/// Returns how many connections were opened between the two counts without being in a list. `shown` is the number of
/// new connections in lists. A failed attempt need not be in a list. Sets `after.ahead`.
std::uint64_t missed_connections(const OpenCounts& before, OpenCounts& after, std::uint64_t shown);

/// Identifies a socket until the next boot.
struct SocketKey {
    Inode netns;
    Cookie cookie;
    auto operator<=>(const SocketKey&) const = default;
};

struct SocketKeyHash {
    std::size_t operator()(const SocketKey& key) const
    {
        return std::hash<std::uint64_t>()(key.cookie.value * 0x9e3779b97f4a7c15U + key.netns.value);
    }
};

struct InterfaceCounters {
    std::vector<InterfaceTraffic> each;
    std::uint32_t latest = 0; // the highest index ever seen; a higher one is new; 0: nothing was read yet
};

/// All counters at an instant.
struct Snapshot {
    struct Socket {
        SocketCounters counters;
        Endpoint remote;
        bool is_orphan = false;   // its process has closed it, so the socket will move no more bytes
        std::uint32_t missed = 0; // number of later snapshots that did not have it
        bool operator==(const Socket&) const = default;
    };
    std::map<Inode, OpenCounts> opens; // of each network namespace, read just before its sockets were listed
    std::vector<Inode> left_out{};     // namespaces that could not be entered, or ended just then
    bool saw_all = true;               // there was no other namespace, as far as we know
    std::unordered_map<SocketKey, Socket, SocketKeyHash> sockets; // sockets with counters and a cookie
    InterfaceCounters interfaces;
};

/// Connections and interfaces whose bytes between two snapshots cannot be known.
struct SnapshotGaps {
    std::size_t closed = 0;    // connections whose last bytes are unknown
    std::uint64_t missed = 0;  // connections that were opened and closed in between
    std::size_t restarted = 0; // sockets whose counters were reset, so that their earlier bytes are lost
    std::size_t unknown = 0;   // sockets of namespaces that could not be listed before; their bytes are null
    std::size_t late = 0;      // sockets that the last snapshot missed, counted from an earlier one
    std::size_t nameless = 0;  // sockets without a cookie, which no later snapshot can recognise: null
};

/// Turns the totals in `flows` into what moved since `before`; if `before` is null, they stay totals. The socket of
/// each flow with counters must be in `after`, to which this adds what the next subtraction needs of `before`. Returns
/// the gaps in the `wanted` namespaces (BackendOptions::namespaces).
SnapshotGaps subtract(const Snapshot* before, Snapshot& after, std::vector<Flow>& flows,
                      const std::vector<Inode>& wanted);

/// Turns the counters in `sample.interfaces` into what moved since `before`. Adds a note for each interface whose bytes
/// are not fully known: its counters fell, or it is not new but missing from `before` (it was in another network
/// namespace). A renamed interface stays the same. Returns the counters to subtract the next time.
InterfaceCounters subtract(const InterfaceCounters& before, Sample& sample);

} // namespace socktally
