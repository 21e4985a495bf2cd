// SPDX-License-Identifier: MIT
// Fragments after the first have no ports: they are matched to the first of their datagram, whichever comes earlier.
// Pure, and bounded: of too many datagrams in pieces the oldest is given up.
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

class Fragments {
public:
    /// Hands `fragment` to `take` with its ports filled in, and for TCP the sequence number of its first byte; at once,
    /// or when the first fragment of its datagram has come.
    void add(const Packet& fragment, const std::function<void(const Packet&)>& take);

    /// Fragments whose first one has not come in this window.
    std::uint64_t unmatched() const { return given_up_ + waiting_; }
    /// Those that have waited for all of a window are given up without being told of again.
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
        std::vector<Packet> early; // those that came before it
        bool is_old = false;       // it began in an earlier window
    };

    Datagram& datagram_of(const Key& key);
    void forget_early(Datagram& datagram);

    std::unordered_map<Key, Datagram, KeyHash> datagrams_;
    std::deque<Key> order_;      // oldest first
    std::uint64_t waiting_ = 0;  // of datagrams that are not old
    std::uint64_t given_up_ = 0; // likewise, in this window
};

} // namespace socktally
