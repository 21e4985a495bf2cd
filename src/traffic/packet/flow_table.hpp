// SPDX-License-Identifier: MIT
// Packets summed by tuple, from the process's side. Pure: it does not know which tuples are this machine's.
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

/// Where a packet was seen: on its way out, on its way in, or, on lo, both at once.
enum class Direction : std::uint8_t { sent, received, looped };

/// Figures are of the window; what is known of the connection stays.
struct PacketFlow {
    struct Counts {
        std::uint64_t payload_bytes = 0;
        std::uint64_t ip_bytes = 0;
        std::uint64_t packets = 0;
        SequenceSpace sequence;          // of TCP
        std::uint8_t tcp_flags = 0;      // of all its segments together
        std::uint64_t earlier_bytes = 0; // payload of flows that had the tuple before in the window
        std::uint64_t counted = 0;       // of TCP: what the windows so far have of it, with what they began with
        /// For TCP: bytes on the wire in earlier windows, or in the queue before the first one, less those
        /// counted. Positive: bytes still to be counted; negative: bytes counted already.
        std::int64_t carried = 0;
        std::uint64_t datagrams = 0; // of UDP, with how many bytes of payload each had; not known of one in fragments
        std::uint32_t smallest = std::numeric_limits<std::uint32_t>::max();
        std::uint32_t largest = 0;

        /// Moves the figures of `other` here: it is the same direction of the same connection, seen under another
        /// tuple.
        void take(Counts& other);
    };
    Tuple tuple;
    Counts rx;
    Counts tx;
    std::uint32_t interface = 0; // on which it was seen last
    bool is_shared = false;      // it also shows the packets of interfaces that are stacked on it
    bool looped = false;         // seen on lo, so both ends are here
    bool to_many = false;        // what came was multicast or broadcast
    bool assumed = false;        // what came was not seen: see FlowTable::add()
    std::uint32_t last_seen = 0; // FlowTable::tick()
    Flow found;                  // the socket, as far as it was looked up: inode, cookie, uid, match, accepted, state
    /// The sockets that existed while the flow moved bytes, if there were several; a single one is `found`. Each of
    /// them receives multicast and broadcast; which one received anything else is not known.
    std::vector<Flow> takers;
    /// For UDP: other sockets that may have sent from the local end of the flow, but receive none of its datagrams.
    std::vector<Inode> senders;
    bool is_sender_unsure = false;            // one of them belongs to another process
    std::shared_ptr<const Flow> maybe;        // the socket, if the tuple was rewritten on the way
    bool rewritten = false;                   // `found` was `maybe`, and has a tuple of its own
    bool is_nobodys = false;                  // no socket's here: forwarded, or a tunnel (sightings.hpp)
    std::chrono::nanoseconds first_packet{0}; // since the epoch
    std::chrono::nanoseconds ended{0};        // the same, when another connection took the tuple
    std::uint32_t list = 0;                   // FlowTable::list() when its last packet was taken
    bool is_cut = false;                      // UDP: later packets are another flow, because sockets have changed
    bool is_unsure = false;                   // some multicast or broadcast may not have reached its sockets
    std::uint32_t lookups = 0;                // how often it was looked up
    bool is_old = false;                      // it existed in an earlier window
    bool is_over = false;                     // a connection whose socket is gone, in this window or before

    bool has_socket() const { return found.inode != Inode{}; }
    /// The device by which sockets that are bound to one are told apart; 0: not known. Traffic within the machine goes
    /// to sockets that are bound to the device that its sender is bound to.
    std::uint32_t device() const { return !to_many && (looped || is_shared) ? 0 : interface; }

    /// The tuple under which lists show the socket of the flow.
    const Tuple& socket_tuple() const { return rewritten ? found.tuple : tuple; }
    /// Adds a socket that may have moved the bytes. No socket is ever removed: a later list with fewer sockets does not
    /// rule out those that existed before.
    void add_taker(const Flow& taker);
    /// A TCP connection that was seen to begin, in this window or before: this end sent its SYN. The peer's could be
    /// anybody's.
    bool began() const { return (tx.tcp_flags & TcpHeader::syn) != 0; }
    /// Returns whether the flow moved nothing in this window.
    bool is_silent() const
    {
        return rx.packets == 0 && tx.packets == 0 && rx.payload_bytes == 0 && tx.payload_bytes == 0;
    }
    void next_window();
    /// A TCP connection with a socket that was not seen to end.
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
    /// `interface` is where it was seen; `is_shared`: PacketFlow::is_shared.
    /// A datagram that is sent to many may come back to sockets of this machine, and no capture shows that
    /// (PACKET_LOOPBACK, of ip_mc_output()): it is taken to come, in a flow that is marked as assumed.
    void add(const Packet& packet, Direction direction, std::uint32_t interface, bool is_shared = false);
    /// Adds a connection of this window whose first bytes were read and written before packets were captured.
    void adopt(const Tuple& connection, std::uint64_t rx_bytes, std::uint64_t tx_bytes);
    /// Notes whether a packet that belongs to the next window ends a connection.
    void note_end(const Packet& packet, Direction direction);

    /// Sets the time, a number that the caller chooses, for PacketFlow::last_seen.
    void tick(std::uint32_t now) { now_ = now; }
    /// Takes out the flows that were last seen before `tick`; not the connections of sockets that may be open, whose
    /// queues at the end of the window count.
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
    /// How many datagrams were added so far.
    std::uint64_t datagrams() const { return datagrams_; }
    bool has(const Tuple& tuple) const { return flows_.contains(tuple); }
    PacketFlow* find(const Tuple& tuple)
    {
        const auto entry = flows_.find(tuple);
        return entry == flows_.end() ? nullptr : &entry->second;
    }
    /// Flows that came since this was last called; one may be named twice. They live until they are retired.
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

    /// Keeps connections, with counters of 0. Drops UDP flows, because other sockets may have their tuples by now.
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
    PacketFlow* last_sent_ = nullptr; // packets come in bursts
    PacketFlow* last_received_ = nullptr;
    std::vector<PacketFlow*> new_;
    std::vector<PacketFlow> replaced_;
    Fragments fragments_;
    std::uint64_t datagrams_ = 0;
    std::uint32_t list_ = 0;
    std::uint32_t now_ = 0;
    std::uint64_t forgotten_holes_ = 0; // of those retired
};

/// The flows of a packet sample as the model has them: one for each tuple, or, if nobody asks for tuples, one for each
/// socket.
class FlowSums {
public:
    enum class Detail : std::uint8_t { sockets, tuples };
    explicit FlowSums(Detail detail) : detail_(detail) {}

    void add(const PacketFlow& flow);
    /// Adds each socket of `listed` that moved nothing, and hands all over; nothing is left for the next window.
    std::vector<Flow> take(const std::vector<Flow>& listed);

private:
    using Key = std::tuple<Inode, std::optional<Uid>, std::uint64_t, SocketState, Quality, Cause>;

    Detail detail_;
    std::vector<Flow> flows_;
    std::map<Key, std::size_t> sums_; // index into flows_
    std::set<Inode> inodes_;
};

} // namespace socktally
