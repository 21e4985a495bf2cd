// SPDX-License-Identifier: MIT
// Counters before, counters after: what the kernel had counted at one instant, and what moved between two of them.
// Pure. A window of netlink subtracts its first list from its last, and --since subtracts the snapshot in its file;
// without a window there is nothing to subtract.
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

/// The counters of a TCP connection (struct tcp_info) and the payload that they come to. The raw counters tell whether
/// they restarted. The payload cannot: the receive queue is measured before the counters, without the socket's lock
/// (tcp_diag_get_info()), so what arrives in between is taken for read, and may still be unread in the next snapshot.
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

/// Returns whether the counters were reset between two snapshots of a socket. The caller also has to compare the remote
/// endpoints: a socket that has connected elsewhere has new counters, which may be higher than the old ones.
bool have_restarted(const SocketCounters& before, const SocketCounters& after);
/// Returns what moved between two snapshots of one connection. The payload may be a byte too low in either; if `after`
/// has less than `before`, this raises it to that, so the next subtraction counts no byte again.
TcpPayload subtract(const SocketCounters& before, SocketCounters& after);
/// Makes `bytes` the retransmitted bytes of a flow if its facts have any; null: they are not known.
void set_retransmitted(Flow& flow, std::optional<std::uint64_t> bytes);

/// A list of sockets may miss one that is there (inet_diag, while others come and go). A socket that has been missing
/// from this many snapshots in a row is given up.
inline constexpr std::uint32_t most_missed = 2;

/// The connections that were opened in a network namespace, as the kernel counts them.
struct OpenCounts {
    std::uint64_t opened = 0; // ProtocolCounters::tcp_opens
    std::uint64_t failed = 0; // ProtocolCounters::tcp_failures
    std::uint64_t ahead = 0;  // connections that a list has shown before they were counted
    bool is_old = false;      // of an earlier snapshot: the last one could not list the namespace
    bool operator==(const OpenCounts&) const = default;
};
/// Returns how many connections were opened between the two counts that no list has shown. `shown` is the number of
/// those that were new. A failed attempt may have left nothing to show. Sets `after.ahead`.
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
    std::uint32_t latest = 0; // the highest index ever seen: a new interface has a higher one; 0: nothing was read yet
};

/// All counters at an instant.
struct Snapshot {
    struct Socket {
        SocketCounters counters;
        Endpoint remote;
        bool is_orphan = false;   // its process had closed it: it will move no more
        std::uint32_t missed = 0; // snapshots since this one that did not show it
        bool operator==(const Socket&) const = default;
    };
    std::map<Inode, OpenCounts> opens; // of each network namespace, read just before its sockets were listed
    std::vector<Inode> left_out{};     // namespaces that could not be entered, or ended at that moment
    bool saw_all = true;               // there was no other namespace, as far as can be told
    std::unordered_map<SocketKey, Socket, SocketKeyHash> sockets; // those that have counters and a cookie
    InterfaceCounters interfaces;
};

/// Connections and interfaces whose bytes between two snapshots cannot be known.
struct SnapshotGaps {
    std::size_t closed = 0;    // connections whose last bytes are unknown
    std::uint64_t missed = 0;  // connections that were opened and closed in between
    std::size_t restarted = 0; // sockets with counters that were reset: what they had moved before is lost
    std::size_t unknown = 0;   // sockets of namespaces that could not be listed before: null
    std::size_t late = 0;      // sockets that are counted from an earlier snapshot on: the last one missed them
    std::size_t nameless = 0;  // sockets without a cookie, by which a later snapshot could tell them: null
};

/// Turns the totals in `flows` into what moved since `before`; if that is null, they stay. Each flow with counters has
/// its socket in `after`, which gets what the next subtraction needs of `before`. Returns the gaps in the namespaces
/// that are `wanted` (BackendOptions::namespaces).
SnapshotGaps subtract(const Snapshot* before, Snapshot& after, std::vector<Flow>& flows,
                      const std::vector<Inode>& wanted);

/// Turns the counters in `sample.interfaces` into what moved since `before`, and adds a note for each interface whose
/// bytes are not known in full: its counters fell, or it is not new and `before` does not have it (it was in another
/// network namespace). An interface that is renamed stays the same one. Returns the counters to subtract next time.
InterfaceCounters subtract(const InterfaceCounters& before, Sample& sample);

} // namespace socktally
