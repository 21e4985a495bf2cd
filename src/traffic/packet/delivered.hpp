// SPDX-License-Identifier: MIT
// From what was on the wire to what processes read and wrote. Pure.
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

/// The bytes that a process wrote and read on a TCP connection in the window. Packets show the wire; the queues of
/// the socket at both ends of the window make up the difference.
struct TcpMoved {
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    bool ended_unread = false;   // it ended so that bytes may be left unread or unsent
    bool unsent_unknown = false; // bytes waited to be sent or acknowledged at an end of the window
    std::int64_t rx_carried = 0; // PacketFlow::Counts::carried into the next window
    std::int64_t tx_carried = 0;
    TcpPayload counted; // PacketFlow::Counts::counted from then on
};

/// `first` and `last` are the flow's socket as the lists at both ends of the window have it, null if it was not
/// there (any more). If both have counters their difference is the figure, and of a connection that was seen to
/// begin what the last one has more than was counted: each list is of one instant, whatever passes at the same time.
/// Else packets are, with what the queues gained or lost. Over several windows both add up to the same.
TcpMoved tcp_in_window(const PacketFlow& flow, const Socket* first, const Socket* last);

/// Sets the bytes of the flow in the window to those that its process read and wrote, instead of those on the wire.
void count(PacketFlow& flow, const TcpMoved& window);

/// The same as tcp_in_window() of a connection without packets in the window, from whose queue may have been read.
/// Lists are made a moment after the end: one that the list before does not have began by then, and is the next
/// window's. What is carried is for a flow whose first list is `last`.
TcpMoved tcp_without_packets(const Socket* first, const Socket& last);

/// From datagrams that came to datagrams that were read: one that finds the receive buffer of its socket full, that is
/// still in it at the end, or that no socket waits for, was on the wire and reached no process. The kernel counts such
/// datagrams and not their bytes, so the bytes are known if all datagrams of a socket have one length; else they are
/// taken to be as long as any was, and the figure is too low rather than too high.
class UdpDelivery {
public:
    /// Sets the sockets and the namespace's counters at the start. Both may be set again a moment later: a queue that
    /// is empty then was on its way to be read.
    void begin(const std::vector<Socket>& sockets, const std::optional<ProtocolCounters>& counters);
    /// Before that: what the namespace has counted when the last packet of the window came.
    void end_packets(const std::optional<ProtocolCounters>& counters) { counters_at_end_ = counters; }
    void end(const std::vector<Socket>& sockets, const std::optional<ProtocolCounters>& counters);
    /// The end is the beginning of the next one.
    void next_window();
    /// Returns whether a queue has bytes, so that the sockets should be set again.
    bool is_queued(const std::vector<Socket>& sockets) const;

    /// Adds a flow that has ended and has a socket which a process holds.
    void add(const PacketFlow& flow);
    /// Adds a flow whose datagrams some unknown socket may have read.
    void add_elsewhere(const PacketFlow& flow);
    /// Whether datagrams were read that no flow has, before those that may have been are added. Unsure if they were
    /// fewer than those, or may have been some of `unclaimed`, which came to sockets that no list has, or to none.
    bool take_unseen(std::uint64_t datagrams, std::uint64_t unclaimed = 0);
    /// Subtracts unread bytes from the flows' rx_bytes, and adds bytes that waited in the last window and were read in
    /// this one.
    void correct(std::vector<Flow>& flows);
    /// True if this many datagrams, to tuples without a socket, had no receiver.
    bool unwanted(std::uint64_t datagrams) const;

    /// Returns the number of datagrams that waited or were lost and have an unknown length: figures may be too low.
    std::uint64_t unsure() const { return unsure_; }

private:
    /// Facts about the datagrams of one socket.
    struct Received {
        std::optional<std::uint32_t> drops_before;
        std::uint32_t drops = 0;         // since then
        std::uint32_t dropped_early = 0; // before, of datagrams whose packets are in this window
        std::uint32_t queued_before = 0;
        std::uint32_t queued = 0;
        std::uint64_t datagrams = 0; // that came
        std::uint32_t smallest = std::numeric_limits<std::uint32_t>::max();
        std::uint32_t largest = 0;
        std::uint64_t waited = 0; // bytes that the last window did not count, because they were unread
        std::uint64_t waits = 0;  // the same, of this window
        bool knows_waited = true; // not only that there were some
        bool knows_waits = true;
        bool is_listed = false;       // at the end
        std::unique_ptr<Flow> reader; // whose bytes wait, with no figures but rx_bytes

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
    std::int64_t read_early_ = 0; // datagrams of this window that the one before has seen read
    std::uint64_t elsewhere_ = 0; // datagrams that one of several sockets may have read
    std::uint64_t unsure_ = 0;
};

} // namespace socktally
