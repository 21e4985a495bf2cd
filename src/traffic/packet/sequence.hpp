// SPDX-License-Identifier: MIT
// How many bytes of a TCP stream are new in each segment: what is sent again counts once, whatever the order. Pure.
// Nothing is known of what was sent before the first segment that is seen.
#pragma once

#include "traffic/packet/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace socktally {

/// One direction of one connection.
class SequenceSpace {
public:
    /// The bytes of a segment that no earlier one had.
    std::uint64_t add(const TcpHeader& header, std::uint32_t payload_bytes);

    /// A client's SYN that is not the one seen before: the tuple is used again.
    bool begins_anew(const TcpHeader& header) const
    {
        constexpr std::uint8_t both = TcpHeader::syn | TcpHeader::ack;
        return next_ != 0 && (header.flags & both) == TcpHeader::syn &&
               header.sequence + 1 != static_cast<std::uint32_t>(start_);
    }

    bool is_known() const { return next_ != 0; }
    /// Returns whether both may be one stream, seen at two places with at most so many bytes in flight between them.
    bool is_near(const SequenceSpace& other, std::uint32_t on_the_way) const
    {
        const auto distance = static_cast<std::uint32_t>(next_ - other.next_);
        return is_known() && other.is_known() && distance + on_the_way <= 2 * on_the_way;
    }
    /// The last sequence number that was seen.
    std::uint32_t last() const { return static_cast<std::uint32_t>(next_); }

    /// Holes that were forgotten for want of room: what fills them later is not counted.
    std::uint32_t forgotten() const { return forgotten_; }

private:
    /// Bytes that were skipped and may come yet.
    struct Hole {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };

    void begin_at(std::uint32_t sequence);
    std::uint64_t position_of(std::uint32_t sequence) const;
    std::uint64_t fill(std::uint64_t begin, std::uint64_t end);
    void open_hole(std::uint64_t begin, std::uint64_t end);

    std::uint64_t next_ = 0;  // one past the highest byte seen; its low 32 bits are the sequence number. 0: none yet
    std::uint64_t start_ = 0; // where it began, to know a SYN that is sent again
    std::vector<Hole> holes_; // below next_, sorted
    std::uint32_t forgotten_ = 0;
};

} // namespace socktally
