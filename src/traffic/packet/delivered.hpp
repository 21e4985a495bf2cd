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

/// The bytes that a process read and wrote on a TCP connection in the window. They differ from the bytes on the wire by
/// the bytes in the socket's queues at the start and at the end of the window.
struct TcpMoved {
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    bool ended_unread = false;   // the connection ended, perhaps with bytes unread or unsent
    bool unsent_unknown = false; // it is not known how many bytes of the send queue were sent
    std::int64_t rx_carried = 0; // value of PacketFlow::Counts::carried for the next window
    std::int64_t tx_carried = 0;
    TcpPayload counted; // value of PacketFlow::Counts::counted for the next window
};

/// Returns the bytes that the process of a flow has moved in the window. `first` and `last` are the flow's socket in
/// the lists at the start and at the end of the window; null if a list does not have the socket. If the lists have the
/// kernel's counters, the result comes from the counters: `last` minus `first`, or, if the start of the connection was
/// captured, `last` minus the bytes counted so far. Counters are preferred, because a list shows each socket at one
/// instant. Without counters, the result is the payload of the packets, corrected by the change of the queues. Over
/// several windows both methods give the same sum.
TcpMoved tcp_in_window(const PacketFlow& flow, const Socket* first, const Socket* last);

/// Replaces the flow's bytes on the wire by the bytes that its process has read and written in the window.
void count(PacketFlow& flow, const TcpMoved& window);

/// Returns the bytes of a connection that had no packets in the window. Its process may have read bytes that were
/// queued before. The list with `last` was made a moment after the window ended. A connection that is not in the first
/// list was therefore opened after the window, and the result is 0. rx_carried and tx_carried leave out the queues of
/// `last`, because tcp_in_window() adds these queues if the connection has packets in the next window.
TcpMoved tcp_without_packets(const Socket* first, const Socket& last);

/// Finds how many of the received datagrams were read. A datagram was not read if the receive buffer of its socket was
/// full, if it is still in the buffer at the end of the window, or if no socket has its port. The kernel counts these
/// datagrams, but not their bytes. So the number of unread bytes is exact only if all datagrams of a socket have the
/// same length. Otherwise each unread datagram counts with the largest length. The bytes that count as read may then be
/// too few, but not too many.
class UdpDelivery {
public:
    /// Sets the sockets, and the counters of the namespace, at the start of the window. May be called again a moment
    /// later. The shorter of a socket's two queues then counts, because its process may have read datagrams meanwhile.
    void begin(const std::vector<Socket>& sockets, const std::optional<ProtocolCounters>& counters);
    /// Sets the counters of the namespace at the end of the window. Call it before the sockets are listed for end().
    void end_packets(const std::optional<ProtocolCounters>& counters) { counters_at_end_ = counters; }
    void end(const std::vector<Socket>& sockets, const std::optional<ProtocolCounters>& counters);
    /// Begins the next window where this one ended.
    void next_window();
    /// Returns whether a UDP socket has bytes in its receive queue. If so, list the sockets again a moment later.
    bool is_queued(const std::vector<Socket>& sockets) const;

    /// Adds the datagrams of a finished flow. A known process holds the flow's socket.
    void add(const PacketFlow& flow);
    /// Adds the datagrams of a finished flow whose socket or holder is not known.
    void add_elsewhere(const PacketFlow& flow);
    /// Returns whether processes have read datagrams that were not captured. The kernel then counts more read datagrams
    /// than the added flows have: there is a surplus. `unclaimed` is the number of captured datagrams that came to no
    /// listed socket. It is subtracted from the surplus, because these datagrams may have been read. `datagrams` is the
    /// number of datagrams that were not captured but may have been read. If it is greater than what is left of the
    /// surplus, the excess counts as unsure.
    bool take_unseen(std::uint64_t datagrams, std::uint64_t unclaimed = 0);
    /// Subtracts unread bytes from the flows' rx_bytes. Adds bytes that were unread at the end of the last window and
    /// were read in this one.
    void correct(std::vector<Flow>& flows);
    /// `datagrams` is a number of datagrams that came to no listed socket. Returns whether the kernel has counted at
    /// least as many datagrams for ports without a socket.
    bool unwanted(std::uint64_t datagrams) const;

    /// Returns the number of unread datagrams whose length is not known. Because of them, rx_bytes may be too low.
    std::uint64_t unsure() const { return unsure_; }

private:
    /// Facts about the datagrams that came to one socket.
    struct Received {
        std::optional<std::uint32_t> drops_before;
        std::uint32_t drops = 0; // number of drops after drops_before was read
        /// The datagrams that were dropped in the last window, but whose packets are in this window.
        std::uint32_t dropped_early = 0;
        std::uint32_t queued_before = 0;
        std::uint32_t queued = 0;
        std::uint64_t datagrams = 0; // number of received datagrams
        std::uint32_t smallest = std::numeric_limits<std::uint32_t>::max();
        std::uint32_t largest = 0;
        std::uint64_t waited = 0; // bytes that the last window did not count, because they were unread
        std::uint64_t waits = 0;  // bytes that this window does not count, because they are unread
        bool knows_waited = true; // false: bytes waited, but it is not known exactly how many
        bool knows_waits = true;
        bool is_listed = false;       // the list at the end of the window has the socket
        std::unique_ptr<Flow> reader; // copy of the flow with the most received bytes; sent bytes are 0

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
    std::int64_t read_early_ = 0; // datagrams of this window that the kernel counted as read in the last one
    std::uint64_t elsewhere_ = 0; // datagrams of add_elsewhere()
    std::uint64_t unsure_ = 0;
};

} // namespace socktally
