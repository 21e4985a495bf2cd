// SPDX-License-Identifier: MIT
// IP addresses, endpoints and prefixes as plain data. No resolving, no sockets.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socktally {

enum class Family : std::uint8_t { none, v4, v6 };

/// An IP address in network byte order. An IPv4 address uses the first four bytes, and the others are zero. An
/// IPv4-mapped IPv6 address is stored as v4, because both forms name the same host.
struct Address {
    Family family = Family::none;
    std::array<std::uint8_t, 16> bytes{};

    /// `bytes` has 4 or 16 bytes in network order; any other length gives Family::none. ::ffff:a.b.c.d becomes v4.
    static Address from_bytes(std::span<const std::byte> bytes);
    bool is_unspecified() const; // none, 0.0.0.0 or ::
    bool is_loopback() const;    // 127.0.0.0/8 or ::1
    bool goes_to_many() const;   // multicast or 255.255.255.255: several sockets may receive the same packet
    auto operator<=>(const Address&) const = default;
};

struct Endpoint {
    Address address;
    std::uint16_t port = 0; // in host byte order; 0: no port
    auto operator<=>(const Endpoint&) const = default;
};

/// An address, and the number of its leading bits that are compared, such as `10.0.0.0/8`. The other bits of the
/// address are zero.
struct Prefix {
    Address address;
    unsigned length = 0;
    bool contains(const Address& other) const;
    bool operator==(const Prefix&) const = default;
};

std::string to_string(const Address& address);               // such as "10.0.0.1" or "fe80::1"; empty for Family::none
std::optional<Address> parse_address(std::string_view text); // accepts neither a scope (%eth0) nor brackets
std::optional<Prefix> parse_prefix(std::string_view text);   // accepts ADDRESS and ADDRESS/LENGTH

} // namespace socktally
