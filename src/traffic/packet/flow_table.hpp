// SPDX-License-Identifier: MIT
// Sums the packets of each tuple. Received and sent are meant from the side of the process. Pure. The table does not
// know which tuples belong to this machine.
#pragma once

#include "model/flow.hpp"
#include "model/hash.hpp"
#include "traffic/packet/frame.hpp"
#include "traffic/packet/reassembly.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace socktally {

/// The protocols whose packets a capture counts.
enum class Captured : std::uint8_t { tcp_and_udp, udp };

/// Whether this machine has sent or received a packet, or both at once (on lo).
enum class Direction : std::uint8_t { sent, received, looped };

/// The packets of one tuple. The numbers of bytes and packets are those of the current window. Facts about a TCP
/// connection are kept from window to window.
struct PacketFlow {
    struct Counts {
        std::uint64_t payload_bytes = 0;
        std::uint64_t ip_bytes = 0;
        std::uint64_t packets = 0;
        SequenceSpace sequence;          // TCP only
        std::uint8_t tcp_flags = 0;      // TCP flags of all its segments, combined by OR
        std::uint64_t earlier_bytes = 0; // bytes in this window of earlier flows with the same tuple
        /// TCP: payload counted in all windows so far. If the kernel has counters for the socket, payload from before
        /// the first window is included.
        std::uint64_t counted = 0;
        /// TCP: payload that earlier windows have captured but not counted. Negative: payload that they have counted
        /// but not captured. Bytes that were in a queue before the first window count as captured (receive queue) or as
        /// counted (send queue).
        std::int64_t carried = 0;
        std::uint64_t datagrams = 0; // UDP: number of datagrams
        /// UDP: payload of the smallest and of the largest datagram, in bytes. If any datagram was fragmented, they are
        /// 0 and 65,507.
        std::uint32_t smallest = std::numeric_limits<std::uint32_t>::max();
        std::uint32_t largest = 0;

        /// Moves the counts of `other` here. `other` is the same direction of the same connection, captured under
        /// another tuple.
        void take(Counts& other);
    };
    Tuple tuple;
    Counts rx;
    Counts tx;
    std::uint32_t interface = 0; // index of the interface that showed the last packet
    bool is_shared = false;      // this interface also shows packets of interfaces stacked on it
    bool looped = false;         // its packets were seen on lo, so both ends are on this machine
    bool to_many = false;        // its received packets were multicast or broadcast
    bool assumed = false;        // its received packets were not captured but assumed; see FlowTable::add()
    std::uint32_t last_seen = 0; // see FlowTable::tick()
    Flow found;                  // its socket (inode, cookie, uid, match, accepted, state); empty if not known
    /// The sockets that may have moved the bytes, if there are several. (A single one is only in `found`.) Each of them
    /// has received all multicast and broadcast. Any other packet belongs to one of them, but it is not known to which.
    std::vector<Flow> takers;
    /// UDP: sockets that may have sent from the flow's local end, but do not receive its datagrams.
    std::vector<Inode> senders;
    bool is_sender_unsure = false;     // a socket of `senders` is held by another process than `found`
    std::shared_ptr<const Flow> maybe; // the socket whose tuple NAT may have changed into this flow's tuple
    bool rewritten = false;            // NAT has changed the tuple: `found` is the socket of `maybe`
    bool is_nobodys = false;           // no socket here moved the bytes: forwarded, or made by a tunnel (sightings.hpp)
    std::chrono::nanoseconds first_packet{0}; // since the epoch
    std::chrono::nanoseconds ended{0};        // when another flow took the tuple, since the epoch; 0: not yet
    std::uint32_t list = 0;                   // value of FlowTable::list() when the last packet came
    bool is_cut = false; // UDP: the sockets of its port have changed, so later packets become another flow
    /// Its sockets have changed, so one of them may have too much or too little multicast or broadcast.
    bool is_unsure = false;
    std::uint32_t lookups = 0; // number of searches that found no socket, or no process that holds it
    bool is_old = false;       // the flow existed before this window
    bool is_over = false;      // TCP: its socket is no longer listed

    bool has_socket() const { return found.inode != Inode{}; }
    /// Returns the index of the device that the packets came from; 0 if it is not known. A socket that is bound to
    /// another device does not receive the packets. The device is not known on lo, where packets go to sockets bound to
    /// the sender's device, and at an interface that also shows the packets of stacked interfaces.
    std::uint32_t device() const { return !to_many && (looped || is_shared) ? 0 : interface; }

    /// Returns the tuple that lists of sockets show for the flow's socket.
    const Tuple& socket_tuple() const { return rewritten ? found.tuple : tuple; }
    /// Adds a socket that may have moved the bytes. No socket is removed later: a socket that is missing from a later
    /// list may have existed when the packets came.
    void add_taker(const Flow& taker);
    /// Returns whether the start of the TCP connection was captured, in this window or an earlier one: this machine has
    /// sent a SYN. A received SYN alone proves nothing, because any machine can send one.
    bool began() const { return (tx.tcp_flags & TcpHeader::syn) != 0; }
    /// Returns whether the flow moved nothing in this window.
    bool is_silent() const
    {
        return rx.packets == 0 && tx.packets == 0 && rx.payload_bytes == 0 && tx.payload_bytes == 0;
    }
    void next_window();
    /// Returns whether this is a TCP connection that may still be open: its socket is known and still listed, and
    /// neither a RST nor both FINs were captured.
    bool may_be_open() const
    {
        const auto either = static_cast<std::uint8_t>(rx.tcp_flags | tx.tcp_flags);
        const auto both = static_cast<std::uint8_t>(rx.tcp_flags & tx.tcp_flags);
        return tuple.protocol == Protocol::tcp && !is_over && (has_socket() || maybe || found.cookie != Cookie{}) &&
               (either & TcpHeader::rst) == 0 && (both & TcpHeader::fin) == 0;
    }
};

/// Returns the flow of the model: what was counted, and the socket, if it is known.
Flow flow_of(const PacketFlow& counted);

class FlowTable {
public:
    /// Adds a packet that was seen at the interface with this index. `is_shared`: see PacketFlow.
    /// If this machine sends multicast or broadcast, its own sockets may receive copies. No capture shows these copies
    /// (PACKET_LOOPBACK, from ip_mc_output()). So add() also counts such a packet as received, in a flow with
    /// PacketFlow::assumed.
    void add(const Packet& packet, Direction direction, std::uint32_t interface, bool is_shared = false);
    /// Adds a connection that was opened in this window before the capture began. `rx_bytes` and `tx_bytes` are the
    /// payload that it moved before the capture.
    void adopt(const Tuple& connection, std::uint64_t rx_bytes, std::uint64_t tx_bytes);
    /// Records the FIN or RST of a packet that belongs to the next window, because it shows how a connection of this
    /// window has ended.
    void note_end(const Packet& packet, Direction direction);

    /// Sets the current time for PacketFlow::last_seen, in a unit that the caller chooses.
    void tick(std::uint32_t now) { now_ = now; }
    /// Passes each flow that was last seen before `tick` to `take`, and removes it. Keeps connections that may be open,
    /// because the queues of their sockets are needed at the end of the window.
    template <typename Take>
    void retire(std::uint32_t tick, Take take)
    {
        last_sent_ = nullptr;
        last_received_ = nullptr;
        for (auto entry = flows_.begin(); entry != flows_.end();) {
            PacketFlow& flow = entry->second;
            if (flow.last_seen >= tick || flow.may_be_open()) {
                ++entry;
                continue;
            }
            forgotten_holes_ += flow.rx.sequence.forgotten() + flow.tx.sequence.forgotten();
            take(flow);
            entry = flows_.erase(entry);
        }
    }

    std::size_t size() const { return flows_.size(); }
    /// Records that the sockets were listed again (see PacketFlow::list).
    void next_list() { ++list_; }
    std::uint32_t list() const { return list_; }
    /// Returns the number of UDP packets added so far.
    std::uint64_t datagrams() const { return datagrams_; }
    bool has(const Tuple& tuple) const { return flows_.contains(tuple); }
    PacketFlow* find(const Tuple& tuple)
    {
        const auto entry = flows_.find(tuple);
        return entry == flows_.end() ? nullptr : &entry->second;
    }
    /// Returns the flows that began since the last call. A flow may be in the result twice. The pointers are valid
    /// until retire() or next_window() removes the flows.
    std::vector<PacketFlow*> take_new() { return std::exchange(new_, {}); }
    /// Returns the flows that ended since the last call because another flow took their tuple.
    std::vector<PacketFlow> take_replaced() { return std::exchange(replaced_, {}); }
    template <typename Take>
    void each(Take take)
    {
        for (auto& [tuple, flow] : flows_) {
            take(flow);
        }
    }

    /// Begins the next window. Keeps TCP connections, with 0 bytes and packets. Drops UDP flows, because their tuples
    /// may belong to other sockets by now.
    void next_window();

    std::uint64_t unmatched_fragments() const { return fragments_.unmatched(); }
    std::uint64_t forgotten_holes() const;

private:
    struct TupleHash {
        TupleHash() : seed(random_seed()) {}
        std::size_t operator()(const Tuple& tuple) const;
        std::uint64_t seed;
    };

    PacketFlow& flow_of(Protocol protocol, const Endpoint& local, const Endpoint& remote, PacketFlow*& last);
    void begin(PacketFlow& flow, const Tuple& tuple);
    void count(const Packet& packet, Direction direction, std::uint32_t interface, bool is_shared);

    std::unordered_map<Tuple, PacketFlow, TupleHash> flows_;
    PacketFlow* last_sent_ = nullptr; // flow of the last sent packet; tried first, because packets come in bursts
    PacketFlow* last_received_ = nullptr;
    std::vector<PacketFlow*> new_;
    std::vector<PacketFlow> replaced_;
    Fragments fragments_;
    std::uint64_t datagrams_ = 0;
    std::uint32_t list_ = 0;
    std::uint32_t now_ = 0;
    std::uint64_t forgotten_holes_ = 0; // forgotten holes of retired flows
};

/// Turns packet flows into the flows of a sample: one for each tuple, or if tuples are not needed, one for each socket.
class FlowSums {
public:
    enum class Detail : std::uint8_t { sockets, tuples };
    explicit FlowSums(Detail detail) : detail_(detail) {}

    void add(const PacketFlow& flow);
    /// Returns the flows of the sample: the added flows, and those flows of `listed` whose sockets had no packets.
    /// Forgets the added flows.
    std::vector<Flow> take(const std::vector<Flow>& listed);

private:
    using Key = std::tuple<Inode, std::optional<Uid>, std::uint64_t, SocketState, Quality, Cause>;

    Detail detail_;
    std::vector<Flow> flows_;
    std::map<Key, std::size_t> sums_; // index into flows_
    std::set<Inode> inodes_;
};

} // namespace socktally
