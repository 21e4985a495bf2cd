// SPDX-License-Identifier: MIT
// Puts the DNS messages of TCP connections together: each follows its length in two bytes (RFC 1035
// 4.2.2), and may span segments, which may come in any order and more than once. Pure.
#pragma once

#include "model/flow.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

namespace socktally {

/// One direction of a connection.
class TcpMessages {
public:
    using Take = std::function<void(std::span<const std::byte> message)>;
    static constexpr std::size_t most_bytes = std::size_t{128} << 10; // that wait for others
    static constexpr std::size_t most_early = 256;                    // segments behind one that is missing

    /// Begins at the byte after a SYN with this sequence number.
    void begin(std::uint32_t sequence);
    /// Adds a segment, and gives each message that is whole now. Without begin() the first segment is taken to begin
    /// with a message.
    void add(std::uint32_t sequence, std::span<const std::byte> payload, const Take& take);
    /// Returns whether bytes were missing for so long that later messages cannot be found any more.
    bool is_lost() const { return is_lost_; }
    /// Gives the connection up.
    void lose();
    std::size_t bytes() const { return stream_.size() + early_bytes_; }

private:
    void append(std::uint32_t sequence, std::span<const std::byte> payload);
    void give(const Take& take);

    bool has_begun_ = false;
    bool is_lost_ = false;
    std::uint32_t next_ = 0;        // the sequence number of the first byte that is still missing
    std::vector<std::byte> stream_; // bytes before it that are part of no whole message yet
    std::map<std::uint32_t, std::vector<std::byte>> early_; // later segments, by sequence number
    std::size_t early_bytes_ = 0;
};

/// The TCP connections that this machine has opened to resolvers, as messages in both directions. A connection is known
/// by what this machine has sent, so others cannot fill the table. When it is full, the oldest ones are dropped.
class DnsStreams {
public:
    static constexpr std::size_t most = 4096;
    static constexpr std::size_t most_bytes = std::size_t{16} << 20; // that wait in all connections for others

    struct Segment {
        std::chrono::nanoseconds time{0};
        std::uint32_t sequence = 0;
        bool is_syn = false;
        bool ends = false; // FIN or RST
        bool is_whole = true;
        std::span<const std::byte> payload{};
    };
    enum class Side : std::uint8_t { query, answer };
    /// Adds a segment of the connection `asker`, and gives each message that is whole now. Returns false if no query of
    /// the connection was seen.
    bool add(const Tuple& asker, Side side, const Segment& segment, const TcpMessages::Take& take);

    std::size_t size() const { return connections_.size(); }
    /// Returns the number of connections whose bytes could not be put together, since the last call of next_window().
    std::uint64_t lost() const { return lost_; }
    void next_window() { lost_ = 0; }

private:
    struct Connection {
        TcpMessages queries;
        TcpMessages answers;
        std::chrono::nanoseconds used{0};
        bool is_lost = false;
    };
    void drop_older_half();

    std::map<Tuple, Connection> connections_;
    std::size_t bytes_ = 0;
    std::uint64_t lost_ = 0;
};

} // namespace socktally
