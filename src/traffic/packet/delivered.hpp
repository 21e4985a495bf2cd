// SPDX-License-Identifier: MIT
// Turns bytes on the wire into bytes that processes have read and written. Pure.
#pragma once

#include "sockets/socket.hpp"
#include "sockets/tcp_bytes.hpp"
#include "traffic/packet/flow_table.hpp"
#include "traffic/protocol_counters.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace socktally {

/// The bytes that a process wrote and read on a TCP connection in the window. Packets show the wire; the queues of the
/// socket at both ends of the window are the difference.
struct TcpMoved {
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    bool ended_unread = false;   // it ended, perhaps with bytes unread or unsent
    bool unsent_unknown = false; // bytes waited to be sent or acknowledged at one end of the window
    std::int64_t rx_carried = 0; // PacketFlow::Counts::carried for the next window
    std::int64_t tx_carried = 0;
    TcpPayload counted; // PacketFlow::Counts::counted for the next window
};

/// Returns the bytes of a flow. `first` and `last` are its socket in the lists at both ends of the window; null if the
/// socket was not listed. If both have counters, their difference is the figure. If the start of the connection was
/// seen, what `last` has beyond the bytes counted so far is the figure. Counters are best because each list shows one
/// instant, whatever moves meanwhile. Otherwise packets count, corrected by the change of the queues. Over several
/// windows both methods give the same sum.
TcpMoved tcp_in_window(const PacketFlow& flow, const Socket* first, const Socket* last);

/// Replaces the bytes on the wire in the flow by those that its process has read and written in the window.
void count(PacketFlow& flow, const TcpMoved& window);

/// Returns the bytes of a connection without packets in the window, which may have been read from its queue. The last
/// list is made a moment after the window ends, so a connection that is not in the first list belongs to the next
/// window. The carried bytes are for a flow whose first list is `last`.
TcpMoved tcp_without_packets(const Socket* first, const Socket& last);

/// Turns datagrams that came into datagrams that were read. A datagram was on the wire but reached no process if the
/// receive buffer of its socket was full, if it is still in the buffer at the end, or if no socket waits for it. The
/// kernel counts such datagrams, but not their bytes. So the bytes are known if all datagrams of a socket have one
/// length; else each counts with the largest length, and the figure is too low rather than too high.
class UdpDelivery {
public:
    /// Sets the sockets and the namespace's counters at the start. They may be set again a moment later: if a queue is
    /// empty then, its datagrams were just about to be read.
    void begin(const std::vector<Socket>& sockets, const std::optional<ProtocolCounters>& counters);
    /// Call it before end(): sets the namespace's counters at the moment when the window's last packet came.
    void end_packets(const std::optional<ProtocolCounters>& counters) { counters_at_end_ = counters; }
    void end(const std::vector<Socket>& sockets, const std::optional<ProtocolCounters>& counters);
    /// Begins the next window where this one ended.
    void next_window();
    /// Returns whether a queue has bytes, so that the sockets should be listed again.
    bool is_queued(const std::vector<Socket>& sockets) const;

    /// Adds a finished flow whose socket is held by a process.
    void add(const PacketFlow& flow);
    /// Adds a flow whose datagrams an unknown socket may have read.
    void add_elsewhere(const PacketFlow& flow);
    /// Returns whether more datagrams were read than the flows added so far have. `datagrams` is the number of those
    /// that may have been read unseen. Unsure if the surplus is smaller, or if it may be some of `unclaimed`, which
    /// came to sockets in no list, or to none.
    bool take_unseen(std::uint64_t datagrams, std::uint64_t unclaimed = 0);
    /// Subtracts unread bytes from the flows' rx_bytes, and adds bytes that waited in the last window and were read in
    /// this one.
    void correct(std::vector<Flow>& flows);
    /// Returns whether `datagrams` datagrams, sent to tuples without a socket, had no receiver.
    bool unwanted(std::uint64_t datagrams) const;

    /// Returns the number of datagrams of unknown length that waited or were lost: figures may be too low.
    std::uint64_t unsure() const { return unsure_; }

private:
    /// Facts about the datagrams that came to one socket.
    struct Received {
        std::optional<std::uint32_t> drops_before;
        std::uint32_t drops = 0;         // since then
        std::uint32_t dropped_early = 0; // dropped before this window, although their packets are in it
        std::uint32_t queued_before = 0;
        std::uint32_t queued = 0;
        std::uint64_t datagrams = 0; // number that came
        std::uint32_t smallest = std::numeric_limits<std::uint32_t>::max();
        std::uint32_t largest = 0;
        std::uint64_t waited = 0; // bytes that the last window did not count, because they were unread
        std::uint64_t waits = 0;  // bytes that this window does not count, because they are unread
        bool knows_waited = true; // false: only that bytes waited, not how many
        bool knows_waits = true;
        bool is_listed = false;       // in the list at the end
        std::unique_ptr<Flow> reader; // the flow whose bytes wait, with rx_bytes as its only figure

        /// Returns how many of `datagrams` were dropped.
        std::uint64_t lost() const { return std::min(std::uint64_t{dropped_early} + drops, datagrams); }
        std::uint32_t early_drops() const;
    };

    void correct(Inode inode, Received& socket, std::vector<Flow>& flows);
    void add_last_reads(const Received& socket, std::vector<Flow>& flows);
    std::uint64_t waiting(const Received& socket, bool& sure) const;
    std::int64_t unread() const;
    std::optional<std::uint64_t> was_read() const;
    std::uint64_t read_meanwhile() const;

    std::unordered_map<std::uint64_t, Received> sockets_; // by inode
    std::optional<ProtocolCounters> counters_before_;
    std::optional<ProtocolCounters> counters_at_end_;
    std::optional<ProtocolCounters> counters_after_;
    std::int64_t read_early_ = 0; // datagrams of this window that were counted as read in the last one
    std::uint64_t elsewhere_ = 0; // datagrams that one of several sockets may have read
    std::uint64_t unsure_ = 0;
};

} // namespace socktally
