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
    bool is_private() const;     // in private_networks
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

/// The networks that are not public (RFC 1918, 6598, 3927, 4193 and 4291).
constexpr std::string_view private_networks =
    "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,169.254.0.0/16,fc00::/7,fe80::/10";

/// Where the name of an address comes from: the system's resolver, or /etc/hosts.
enum class NameSource : std::uint8_t { reverse, hosts };
std::string_view to_string(NameSource source); // "reverse"

/// The name of a remote address. Both fields are null if it has none.
struct RemoteName {
    std::optional<std::string> name; // raw bytes
    std::optional<NameSource> source;
    auto operator<=>(const RemoteName&) const = default;
};

std::string to_string(const Address& address);               // such as "10.0.0.1" or "fe80::1"; empty for Family::none
std::optional<Address> parse_address(std::string_view text); // accepts neither a scope (%eth0) nor brackets
std::optional<Prefix> parse_prefix(std::string_view text);   // accepts ADDRESS and ADDRESS/LENGTH

} // namespace socktally
