// SPDX-License-Identifier: MIT
// A snapshot has the counters of the kernel at one instant. The difference of two snapshots is what moved in between.
// The netlink backend subtracts the first list of a window from the last one. --since subtracts the snapshot in its
// file. Totals subtract nothing. Pure.
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

/// The counters of a TCP connection (struct tcp_info), and the payload that is computed from them. The counters fall
/// only if they were reset. The payload may fall without a reset: the kernel reads the length of the receive queue
/// before the counters, without the socket's lock (tcp_diag_get_info()). Bytes that arrive in between count as read,
/// and may still be unread in the next snapshot.
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

/// Returns whether the counters of a socket were reset between two snapshots. The caller must also compare the remote
/// ends. A socket that has connected again has new counters, which may be higher than the old ones.
bool have_restarted(const SocketCounters& before, const SocketCounters& after);
/// Returns the payload that moved between two snapshots of one connection. The payload in a snapshot may be a byte too
/// low. If the payload in `after` is lower than in `before`, raises it to that in `before`. Otherwise the next
/// subtraction would count a byte twice.
TcpPayload subtract(const SocketCounters& before, SocketCounters& after);
/// Sets the retransmitted bytes in Flow::facts, if the facts have such a figure. `bytes` is null if they are not known.
void set_retransmitted(Flow& flow, std::optional<std::uint64_t> bytes);

/// The number of successive snapshots that may lack a socket before the socket is forgotten. The kernel's list may lack
/// a socket while other sockets come and go (inet_diag).
inline constexpr std::uint32_t most_missed = 2;

/// How many connections were opened in a network namespace, as the kernel counts them.
struct OpenCounts {
    std::uint64_t opened = 0; // ProtocolCounters::tcp_opens
    std::uint64_t failed = 0; // ProtocolCounters::tcp_failures
    std::uint64_t ahead = 0;  // connections that a list showed before the kernel counted them
    bool is_old = false;      // copied from an earlier snapshot, because this one could not list the namespace
    bool operator==(const OpenCounts&) const = default;
};
/// Returns how many connections were opened between two counts, but are in no list. `shown` is the number of new
/// connections in lists. Failed attempts are left out, because a list need not show them. Sets `after.ahead`.
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
    std::uint32_t latest = 0; // highest index seen so far; interfaces above it are new; 0: nothing was read yet
};

/// All counters of the kernel at one instant.
struct Snapshot {
    struct Socket {
        SocketCounters counters;
        Endpoint remote;
        bool is_orphan = false;   // its process has closed the socket, which moves no more bytes
        std::uint32_t missed = 0; // number of later snapshots that lack the socket
        bool operator==(const Socket&) const = default;
    };
    std::map<Inode, OpenCounts> opens; // counts of each network namespace, read just before its sockets were listed
    std::vector<Inode> left_out{};     // namespaces that could not be entered, or that ended meanwhile
    bool saw_all = true;               // every namespace that is known to exist was listed
    std::unordered_map<SocketKey, Socket, SocketKeyHash> sockets; // sockets with counters and a cookie
    InterfaceCounters interfaces;
};

/// Counts the sockets whose bytes between two snapshots are not fully known, by reason.
struct SnapshotGaps {
    std::size_t closed = 0;    // connections that were closed, so their last bytes are unknown
    std::uint64_t missed = 0;  // connections that were opened and closed between the snapshots
    std::size_t restarted = 0; // sockets whose counters were reset, so their earlier bytes are lost
    std::size_t unknown = 0;   // sockets of namespaces that were not listed before; their bytes are null
    std::size_t late = 0;      // sockets that the earlier snapshot lacks; their bytes count from one before it
    std::size_t nameless = 0;  // sockets without a cookie, which cannot be recognised; their bytes are null
};

/// Replaces the totals in `flows` by what has moved since `before`. If `before` is null, the totals stay. `after` must
/// have the socket of each flow that has bytes and a cookie. Adds to `after` what the next subtraction needs from
/// `before`. Returns the gaps in the `wanted` namespaces (BackendOptions::namespaces).
SnapshotGaps subtract(const Snapshot* before, Snapshot& after, std::vector<Flow>& flows,
                      const std::vector<Inode>& wanted);

/// Replaces the counters in `sample.interfaces` by what has moved since `before`. Adds a note for each interface whose
/// bytes are not fully known. Either its counters fell, or it has come from another network namespace: it is missing in
/// `before`, although its index is not new. A renamed interface is still the same interface. Returns the counters to
/// subtract the next time.
InterfaceCounters subtract(const InterfaceCounters& before, Sample& sample);

} // namespace socktally
