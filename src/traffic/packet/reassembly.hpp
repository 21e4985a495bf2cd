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

/// Counts the new bytes of each segment in one direction of a TCP stream. A byte counts once, even if it is sent again
/// or arrives out of order. Bytes before the first captured segment do not count.
class SequenceSpace {
public:
    /// Adds a segment. Returns the number of its bytes that no earlier segment had.
    std::uint64_t add(const TcpHeader& header, std::uint32_t payload_bytes);

    /// Returns whether this is the SYN of a client, with another sequence number than the SYN of the stream. Such a SYN
    /// begins another connection with the same tuple.
    bool begins_anew(const TcpHeader& header) const
    {
        constexpr std::uint8_t both = TcpHeader::syn | TcpHeader::ack;
        return next_ != 0 && (header.flags & both) == TcpHeader::syn &&
               header.sequence + 1 != static_cast<std::uint32_t>(start_);
    }

    bool is_known() const { return next_ != 0; }
    /// Returns whether this stream and `other` may be the same stream, captured at two interfaces with at most
    /// `on_the_way` bytes in flight between them.
    bool is_near(const SequenceSpace& other, std::uint32_t on_the_way) const
    {
        const auto distance = static_cast<std::uint32_t>(next_ - other.next_);
        return is_known() && other.is_known() && distance + on_the_way <= 2 * on_the_way;
    }
    /// Returns the sequence number after the highest byte that was seen.
    std::uint32_t last() const { return static_cast<std::uint32_t>(next_); }

    /// Returns the number of holes that were forgotten because there were too many. Bytes that fill a forgotten hole
    /// are not counted.
    std::uint32_t forgotten() const { return forgotten_; }

private:
    /// A range of bytes that no segment has had yet: positions from `begin` up to, but not including, `end`.
    struct Hole {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };

    void begin_at(std::uint32_t sequence);
    std::uint64_t position_of(std::uint32_t sequence) const;
    std::uint64_t fill(std::uint64_t begin, std::uint64_t end);
    void open_hole(std::uint64_t begin, std::uint64_t end);

    /// The position after the highest byte seen. Its low 32 bits are the sequence number. 0: no segment yet.
    std::uint64_t next_ = 0;
    std::uint64_t start_ = 0; // position of the first byte; shows whether a SYN is a repeated one
    std::vector<Hole> holes_; // below next_, sorted
    std::uint32_t forgotten_ = 0;
};

/// Finds the ports of fragments. Only the first fragment of a datagram has ports; this class matches later fragments to
/// it, in whatever order they come. It forgets the oldest datagrams if there are too many.
class Fragments {
public:
    /// Passes the fragment to `take`, with its ports filled in, and for TCP with the sequence number of its first byte.
    /// If the first fragment of the datagram has not come yet, the fragment waits for it.
    void add(const Packet& fragment, const std::function<void(const Packet&)>& take);

    /// Returns the number of fragments in this window that lack the first fragment of their datagram.
    std::uint64_t unmatched() const { return given_up_ + waiting_; }
    /// Begins the next window. Drops fragments that have waited for a whole window. unmatched() does not report a
    /// fragment in two windows.
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
        std::vector<Packet> early; // later fragments that came before the first fragment
        bool is_old = false;       // the datagram began in an earlier window
    };

    Datagram& datagram_of(const Key& key);
    void forget_early(Datagram& datagram);

    std::unordered_map<Key, Datagram, KeyHash> datagrams_;
    std::deque<Key> order_;      // oldest first
    std::uint64_t waiting_ = 0;  // number of early fragments, in datagrams that began in this window
    std::uint64_t given_up_ = 0; // number of early fragments that were given up in this window
};

} // namespace socktally
