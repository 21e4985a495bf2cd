// SPDX-License-Identifier: MIT
// Frames made byte by byte, for tests: each function puts one header before what follows it. Lengths are right unless a
// test changes them; checksums are 0, for nobody looks at them.
#pragma once

#include "model/address.hpp"
#include "traffic/packet/frame.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace socktally::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes(std::initializer_list<int> values)
{
    Bytes result;
    for (const int value : values) {
        result.push_back(static_cast<std::byte>(value));
    }
    return result;
}
inline Bytes zeros(std::size_t size) { return Bytes(size); }

/// Not insert(), in which g++ 12 sees reads that are not there.
inline Bytes operator+(const Bytes& left, const Bytes& right)
{
    Bytes result(left.size() + right.size());
    std::copy(right.begin(), right.end(), std::copy(left.begin(), left.end(), result.begin()));
    return result;
}

inline Bytes number16(std::size_t value)
{
    return bytes({static_cast<int>(value >> 8 & 255), static_cast<int>(value & 255)});
}
inline Bytes number32(std::size_t value) { return number16(value >> 16 & 65535) + number16(value & 65535); }

inline Bytes address_bytes(std::string_view text)
{
    const Address address = parse_address(text).value();
    const auto all = std::as_bytes(std::span(address.bytes));
    const auto used = all.first(address.family == Family::v4 ? 4 : 16);
    return {used.begin(), used.end()};
}

inline Bytes ethernet(int type, const Bytes& rest)
{
    return zeros(12) + number16(static_cast<std::size_t>(type)) + rest;
}
inline Bytes vlan(int type, const Bytes& rest)
{
    return number16(100) + number16(static_cast<std::size_t>(type)) + rest;
}

inline Bytes ipv4(int protocol, const Bytes& rest, std::size_t position = 0, std::size_t options = 0)
{
    return bytes({0x45 + static_cast<int>(options / 4), 0}) + number16(20 + options + rest.size()) + number16(77) +
           number16(position) + bytes({64, protocol, 0, 0}) + address_bytes("10.0.0.1") + address_bytes("10.0.0.2") +
           zeros(options) + rest;
}

inline Bytes ipv6(int next, const Bytes& rest)
{
    return bytes({0x60, 0, 0, 0}) + number16(rest.size()) + bytes({next, 64}) + address_bytes("fd00::1") +
           address_bytes("fd00::2") + rest;
}

/// An extension header of `words` times 8 bytes beyond the first 8.
inline Bytes extension(int next, int words, const Bytes& rest)
{
    return bytes({next, words}) + zeros(6 + 8 * static_cast<std::size_t>(words)) + rest;
}
inline Bytes authentication(int next, int words, const Bytes& rest)
{
    return bytes({next, words}) + zeros(6 + 4 * static_cast<std::size_t>(words)) + rest;
}
inline Bytes fragment6(int next, std::size_t position, std::size_t id, const Bytes& rest)
{
    return bytes({next, 0}) + number16(position) + number32(id) + rest;
}

inline Bytes tcp(std::size_t sequence, int flags, std::size_t payload, std::size_t options = 0)
{
    return number16(1000) + number16(2000) + number32(sequence) + number32(0) +
           bytes({static_cast<int>((20 + options) / 4) << 4, flags}) + zeros(6 + options) + zeros(payload);
}

inline Bytes udp(std::size_t payload)
{
    return number16(1000) + number16(2000) + number16(8 + payload) + number16(0) + zeros(payload);
}

} // namespace socktally::test
