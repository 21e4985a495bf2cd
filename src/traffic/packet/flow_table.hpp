// SPDX-License-Identifier: MIT
// Sums up packets by tuple, from the process's side. Pure. It does not know which tuples belong to this machine.
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

/// Where a packet was seen: on its way out, on its way in, or on lo, which is both at once.
enum class Direction : std::uint8_t { sent, received, looped };

/// A flow. Its figures are those of the window; facts about the connection stay.
struct PacketFlow {
    struct Counts {
        std::uint64_t payload_bytes = 0;
        std::uint64_t ip_bytes = 0;
        std::uint64_t packets = 0;
        SequenceSpace sequence;          // TCP only
        std::uint8_t tcp_flags = 0;      // of all its segments together
        std::uint64_t earlier_bytes = 0; // payload of earlier flows with this tuple in the window
        std::uint64_t counted = 0;       // TCP: bytes of all windows so far, with those before the first one
        /// TCP: bytes on the wire in earlier windows, or in the queue before the first one, minus those counted.
        /// Positive: bytes still to be counted; negative: bytes counted already.
        std::int64_t carried = 0;
        std::uint64_t datagrams = 0; // UDP; their smallest and largest payload follow, not known of fragmented ones
        std::uint32_t smallest = std::numeric_limits<std::uint32_t>::max();
        std::uint32_t largest = 0;

        /// Moves the figures of `other` here, which is the same direction of the same connection, seen under another
        /// tuple.
        void take(Counts& other);
    };
    Tuple tuple;
    Counts rx;
    Counts tx;
    std::uint32_t interface = 0; // where it was last seen
    bool is_shared = false;      // the interface also shows packets of interfaces stacked on it
    bool looped = false;         // seen on lo, so both ends are on this machine
    bool to_many = false;        // received packets were multicast or broadcast
    bool assumed = false;        // received packets were not seen; see FlowTable::add()
    std::uint32_t last_seen = 0; // see FlowTable::tick()
    Flow found;                  // its socket, as far as known: inode, cookie, uid, match, accepted, state
    /// The sockets that existed while the flow moved bytes, if there were several; a single one is in `found`. Each of
    /// them receives multicast and broadcast. Which one received anything else is not known.
    std::vector<Flow> takers;
    /// UDP: other sockets that may have sent from the local end of the flow, but receive none of its datagrams.
    std::vector<Inode> senders;
    bool is_sender_unsure = false;            // one of `senders` belongs to another process
    std::shared_ptr<const Flow> maybe;        // the socket whose tuple may have been rewritten into this one
    bool rewritten = false;                   // `maybe` became `found`, which has a tuple of its own
    bool is_nobodys = false;                  // of no socket here: forwarded, or a tunnel (sightings.hpp)
    std::chrono::nanoseconds first_packet{0}; // since the epoch
    std::chrono::nanoseconds ended{0};        // since the epoch: when another connection took the tuple
    std::uint32_t list = 0;                   // FlowTable::list() when its last packet came
    bool is_cut = false;                      // UDP: later packets are another flow, because sockets have changed
    bool is_unsure = false;                   // some multicast or broadcast may not have reached its sockets
    std::uint32_t lookups = 0;                // number of look-ups so far
    bool is_old = false;                      // it existed in an earlier window
    bool is_over = false;                     // TCP: its socket is gone, in this window or before

    bool has_socket() const { return found.inode != Inode{}; }
    /// Returns the device that distinguishes sockets bound to one; 0: not known. Traffic within the machine goes to
    /// sockets that are bound to the sender's device.
    std::uint32_t device() const { return !to_many && (looped || is_shared) ? 0 : interface; }

    /// Returns the tuple under which lists show the socket of the flow.
    const Tuple& socket_tuple() const { return rewritten ? found.tuple : tuple; }
    /// Adds a socket that may have moved the bytes. Sockets are never removed, because a later list without them does
    /// not mean that they did not exist before.
    void add_taker(const Flow& taker);
    /// Returns whether the start of a TCP connection was seen, in this window or before: this end has sent a SYN. A SYN
    /// that came in proves nothing, because anybody can send one.
    bool began() const { return (tx.tcp_flags & TcpHeader::syn) != 0; }
    /// Returns whether the flow moved nothing in this window.
    bool is_silent() const
    {
        return rx.packets == 0 && tx.packets == 0 && rx.payload_bytes == 0 && tx.payload_bytes == 0;
    }
    void next_window();
    /// Returns whether this is a TCP connection with a socket whose end was not seen.
    bool may_be_open() const
    {
        const auto either = static_cast<std::uint8_t>(rx.tcp_flags | tx.tcp_flags);
        const auto both = static_cast<std::uint8_t>(rx.tcp_flags & tx.tcp_flags);
        return tuple.protocol == Protocol::tcp && !is_over && (has_socket() || maybe || found.cookie != Cookie{}) &&
               (either & TcpHeader::rst) == 0 && (both & TcpHeader::fin) == 0;
    }
};

class FlowTable {
public:
    /// Adds a packet that was seen at `interface`. `is_shared`: see PacketFlow.
    /// A multicast or broadcast that this machine sends may come back to its own sockets, which no capture shows
    /// (PACKET_LOOPBACK, of ip_mc_output()). It is assumed to come, in a flow that is marked as assumed.
    void add(const Packet& packet, Direction direction, std::uint32_t interface, bool is_shared = false);
    /// Adds a connection of this window whose first bytes were read and written before the capture began.
    void adopt(const Tuple& connection, std::uint64_t rx_bytes, std::uint64_t tx_bytes);
    /// Notes if a packet of the next window ends a connection.
    void note_end(const Packet& packet, Direction direction);

    /// Sets the time for PacketFlow::last_seen, in a unit that the caller chooses.
    void tick(std::uint32_t now) { now_ = now; }
    /// Removes flows that were last seen before `tick` and passes them to `take`. Keeps connections that may be open,
    /// because their queues at the end of the window count.
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
    /// Counts the lists of sockets, for PacketFlow::list.
    void next_list() { ++list_; }
    std::uint32_t list() const { return list_; }
    /// Returns the number of datagrams added so far.
    std::uint64_t datagrams() const { return datagrams_; }
    bool has(const Tuple& tuple) const { return flows_.contains(tuple); }
    PacketFlow* find(const Tuple& tuple)
    {
        const auto entry = flows_.find(tuple);
        return entry == flows_.end() ? nullptr : &entry->second;
    }
    /// Returns the flows added since the last call, some repeated. They exist until they are retired.
    std::vector<PacketFlow*> take_new() { return std::exchange(new_, {}); }
    /// Returns the flows whose tuple another flow has taken since the last call.
    std::vector<PacketFlow> take_replaced() { return std::exchange(replaced_, {}); }
    template <typename Take>
    void each(Take take)
    {
        for (auto& [tuple, flow] : flows_) {
            take(flow);
        }
    }

    /// Keeps connections, with all figures 0. Drops UDP flows, because other sockets may have their tuples by now.
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
    PacketFlow* last_sent_ = nullptr; // checked first, because packets come in bursts
    PacketFlow* last_received_ = nullptr;
    std::vector<PacketFlow*> new_;
    std::vector<PacketFlow> replaced_;
    Fragments fragments_;
    std::uint64_t datagrams_ = 0;
    std::uint32_t list_ = 0;
    std::uint32_t now_ = 0;
    std::uint64_t forgotten_holes_ = 0; // of flows that were retired
};

/// Makes the model's flows of a packet sample: one for each tuple, or if tuples are not needed, one for each socket.
class FlowSums {
public:
    enum class Detail : std::uint8_t { sockets, tuples };
    explicit FlowSums(Detail detail) : detail_(detail) {}

    void add(const PacketFlow& flow);
    /// Returns all flows, and one for each socket of `listed` that moved nothing. Keeps nothing for the next window.
    std::vector<Flow> take(const std::vector<Flow>& listed);

private:
    using Key = std::tuple<Inode, std::optional<Uid>, std::uint64_t, SocketState, Quality, Cause>;

    Detail detail_;
    std::vector<Flow> flows_;
    std::map<Key, std::size_t> sums_; // index into flows_
    std::set<Inode> inodes_;
};

} // namespace socktally
