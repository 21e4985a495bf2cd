// SPDX-License-Identifier: MIT
// Finds which bytes of a TCP stream are new, and which datagram a fragment belongs to. Pure.
#pragma once

#include "model/hash.hpp"
#include "traffic/packet/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

namespace socktally {

/// Counts the new bytes of each segment in one direction of a TCP stream: bytes that are sent again count once, in any
/// order. Bytes from before the first segment that was seen are not known.
class SequenceSpace {
public:
    /// Returns the number of bytes in the segment that no earlier one had.
    std::uint64_t add(const TcpHeader& header, std::uint32_t payload_bytes);

    /// Returns whether this is a client's new SYN, so that another connection uses the tuple.
    bool begins_anew(const TcpHeader& header) const
    {
        constexpr std::uint8_t both = TcpHeader::syn | TcpHeader::ack;
        return next_ != 0 && (header.flags & both) == TcpHeader::syn &&
               header.sequence + 1 != static_cast<std::uint32_t>(start_);
    }

    bool is_known() const { return next_ != 0; }
    /// Returns whether both may be one stream that was seen at two places, with at most `on_the_way` bytes in flight
    /// between them.
    bool is_near(const SequenceSpace& other, std::uint32_t on_the_way) const
    {
        const auto distance = static_cast<std::uint32_t>(next_ - other.next_);
        return is_known() && other.is_known() && distance + on_the_way <= 2 * on_the_way;
    }
    /// Returns the last sequence number that was seen.
    std::uint32_t last() const { return static_cast<std::uint32_t>(next_); }

    /// Returns the number of holes that were forgotten because there were too many: bytes that fill them are not
    /// counted.
    std::uint32_t forgotten() const { return forgotten_; }

private:
    /// Bytes that were skipped and may still arrive.
    struct Hole {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };

    void begin_at(std::uint32_t sequence);
    std::uint64_t position_of(std::uint32_t sequence) const;
    std::uint64_t fill(std::uint64_t begin, std::uint64_t end);
    void open_hole(std::uint64_t begin, std::uint64_t end);

    std::uint64_t next_ = 0;  // one past the highest byte seen (low 32 bits: the sequence number); 0: none yet
    std::uint64_t start_ = 0; // first byte, to recognise a SYN that is sent again
    std::vector<Hole> holes_; // below next_, sorted
    std::uint32_t forgotten_ = 0;
};

/// Matches fragments without ports to the first fragment of their datagram, whichever comes earlier. If too many
/// datagrams are incomplete, the oldest is dropped.
class Fragments {
public:
    /// Passes the fragment to `take` with its ports filled in, and for TCP the sequence number of its first byte: at
    /// once, or when the first fragment of its datagram has come.
    void add(const Packet& fragment, const std::function<void(const Packet&)>& take);

    /// Returns the number of fragments whose first fragment has not come in this window.
    std::uint64_t unmatched() const { return given_up_ + waiting_; }
    /// Drops fragments that have waited for a whole window. They are not reported again.
    void next_window();

private:
    struct Key {
        Protocol protocol;
        Address source;
        Address destination;
        std::uint32_t id;
        auto operator<=>(const Key&) const = default;
    };
    struct KeyHash {
        KeyHash() : seed(random_seed()) {}
        std::size_t operator()(const Key& key) const;
        std::uint64_t seed;
    };
    struct Datagram {
        std::optional<Packet> first;
        std::vector<Packet> early; // fragments that came before the first one
        bool is_old = false;       // it began in an earlier window
    };

    Datagram& datagram_of(const Key& key);
    void forget_early(Datagram& datagram);

    std::unordered_map<Key, Datagram, KeyHash> datagrams_;
    std::deque<Key> order_;      // oldest first
    std::uint64_t waiting_ = 0;  // fragments of datagrams that are not old
    std::uint64_t given_up_ = 0; // of these, those given up in this window
};

} // namespace socktally
