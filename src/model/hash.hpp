// SPDX-License-Identifier: MIT
// Hashes addresses and ports. A remote host can choose both. So each hash table has a random seed of its own, and no
// host can choose keys that collide.
#pragma once

#include "model/address.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>

namespace socktally {

inline std::uint64_t random_seed()
{
    std::random_device random;
    return std::uint64_t{random()} << 32 | random();
}

class Hash {
public:
    explicit Hash(std::uint64_t seed) : value_(seed) {}

    void add(std::uint64_t word)
    {
        // XORs the high half of the product into its low half, because only the high half depends on every bit of the
        // word.
        constexpr std::uint64_t odd = 0x9e3779b97f4a7c15; // 2^64 divided by the golden ratio
        __extension__ using Product = unsigned __int128;
        const auto product = static_cast<Product>(value_ ^ word) * odd;
        value_ = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
    void add(const Address& address)
    {
        std::array<std::uint64_t, 2> words{};
        static_assert(sizeof words == sizeof address.bytes);
        std::memcpy(words.data(), address.bytes.data(), sizeof words);
        add(words[0]);
        if (address.family == Family::v6) {
            add(words[1]);
        }
    }
    std::size_t value() const { return static_cast<std::size_t>(value_); }

private:
    std::uint64_t value_;
};

} // namespace socktally
