// SPDX-License-Identifier: MIT
// Packets summed by tuple, from the process's side. Pure: it does not know which tuples are this machine's.
#pragma once

#include "backend/packet/fragments.hpp"
#include "backend/packet/frame.hpp"
#include "backend/packet/hash.hpp"
#include "backend/packet/sequence.hpp"
#include "model/flow.hpp"

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace socktally {

/// Where a packet was seen: on its way out, on its way in, or, on lo, both at once.
enum class Sighting : std::uint8_t { sent, received, looped };

struct PacketFlow {
    struct Direction {
        std::uint64_t payload_bytes = 0;
        std::uint64_t ip_bytes = 0;
        std::uint64_t packets = 0;
        SequenceSpace sequence; // of TCP
    };
    Tuple tuple;
    Direction rx;
    Direction tx;
    std::uint32_t interface = 0; // on which it was seen last
    bool looped = false;         // seen on lo, so both ends are here
    std::uint32_t last_seen = 0; // FlowTable::tick()
    Flow found;                  // the socket, as far as it was looked up: inode, cookie, uid, match, accepted, state
    std::uint32_t looks = 0;     // how often it was looked up

    bool has_socket() const { return found.inode != Inode{}; }
};

class FlowTable {
public:
    void add(const Packet& packet, Sighting sighting, std::uint32_t interface);

    /// Time goes on: a number that the caller chooses, for PacketFlow::last_seen.
    void tick(std::uint32_t now) { now_ = now; }
    /// Takes out the flows that were last seen before `tick`.
    template <typename Take>
    void retire(std::uint32_t tick, Take take)
    {
        last_sent_ = nullptr;
        last_received_ = nullptr;
        std::erase_if(flows_, [&](auto& entry) {
            const bool idle = entry.second.last_seen < tick;
            if (idle) {
                forgotten_holes_ += entry.second.rx.sequence.forgotten() + entry.second.tx.sequence.forgotten();
                take(entry.second);
            }
            return idle;
        });
    }

    std::size_t size() const { return flows_.size(); }
    /// Flows that came since this was last called; one may be named twice. They live until they are retired.
    std::vector<PacketFlow*> take_new() { return std::exchange(new_, {}); }
    /// Connections whose tuple another one has taken since this was last called.
    std::vector<PacketFlow> take_replaced() { return std::exchange(replaced_, {}); }
    template <typename Take>
    void each(Take take)
    {
        for (auto& [tuple, flow] : flows_) {
            take(flow);
        }
    }

    std::uint64_t unmatched_fragments() const { return fragments_.unmatched(); }
    std::uint64_t forgotten_holes() const;

private:
    struct TupleHash {
        TupleHash() : seed(random_seed()) {}
        std::size_t operator()(const Tuple& tuple) const;
        std::uint64_t seed;
    };

    PacketFlow& flow_of(const Tuple& tuple, PacketFlow*& last);
    void begin(PacketFlow& flow, const Tuple& tuple);
    void count(const Packet& packet, Sighting sighting, std::uint32_t interface);

    std::unordered_map<Tuple, PacketFlow, TupleHash> flows_;
    PacketFlow* last_sent_ = nullptr; // packets come in bursts
    PacketFlow* last_received_ = nullptr;
    std::vector<PacketFlow*> new_;
    std::vector<PacketFlow> replaced_;
    Fragments fragments_;
    std::uint32_t now_ = 0;
    std::uint64_t forgotten_holes_ = 0; // of those retired
};

} // namespace socktally
