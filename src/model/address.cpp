// SPDX-License-Identifier: MIT
// Converts addresses and prefixes from bytes and text, and back to text. Resolves no names: inet_pton() and inet_ntop()
// only convert.
#include "model/address.hpp"

#include "util/number.hpp"
#include "util/text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

namespace socktally {

namespace {

constexpr std::array<std::uint8_t, 12> mapped_v4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned mapped_bits = 96;

unsigned bits(Family family)
{
    switch (family) {
    case Family::v4: return 32;
    case Family::v6: return 128;
    case Family::none: break;
    }
    return 0;
}

bool is_mapped(const std::array<std::uint8_t, 16>& bytes)
{
    return std::equal(mapped_v4.begin(), mapped_v4.end(), bytes.begin());
}

/// Clears all bits after the first `length`.
Address masked(Address address, unsigned length)
{
    for (unsigned i = 0; i < address.bytes.size(); ++i) {
        const unsigned kept = std::clamp(length, i * 8, i * 8 + 8) - i * 8;
        address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> kept));
    }
    return address;
}

/// Parses an address. Unlike parse_address(), keeps an IPv4-mapped address (::ffff:10.0.0.1) as v6, because the length
/// of a prefix such as ::ffff:10.0.0.0/104 counts all 128 bits.
std::optional<Address> parse_verbatim(std::string_view text)
{
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (text.size() >= buffer.size() || text.find('\0') != text.npos) {
        return std::nullopt;
    }
    text.copy(buffer.data(), text.size());
    Address address;
    if (inet_pton(AF_INET, buffer.data(), address.bytes.data()) == 1) {
        address.family = Family::v4;
    } else if (inet_pton(AF_INET6, buffer.data(), address.bytes.data()) == 1) {
        address.family = Family::v6;
    } else {
        return std::nullopt;
    }
    return address;
}

Address unmapped(const Address& address)
{
    return address.family == Family::v6 ? Address::from_bytes(std::as_bytes(std::span(address.bytes))) : address;
}

} // namespace

Address Address::from_bytes(std::span<const std::byte> bytes)
{
    Address address;
    if (bytes.size() != 4 && bytes.size() != 16) {
        return address;
    }
    std::memcpy(address.bytes.data(), bytes.data(), bytes.size());
    address.family = bytes.size() == 4 ? Family::v4 : Family::v6;
    if (address.family == Family::v6 && is_mapped(address.bytes)) {
        return from_bytes(bytes.subspan(mapped_v4.size()));
    }
    return address;
}

bool Address::is_unspecified() const
{
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const
{
    if (family == Family::v4) {
        return bytes[0] == 127;
    }
    return family == Family::v6 && bytes[15] == 1 &&
           std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

bool Address::goes_to_many() const
{
    if (family == Family::v4) {
        constexpr std::uint8_t first_multicast = 224;
        constexpr std::uint8_t last_multicast = 239;
        return (bytes[0] >= first_multicast && bytes[0] <= last_multicast) ||
               std::all_of(bytes.begin(), bytes.begin() + 4, [](std::uint8_t byte) { return byte == 0xff; });
    }
    return family == Family::v6 && bytes[0] == 0xff;
}

bool Address::is_private() const
{
    static const std::vector<Prefix> networks = [] {
        std::vector<Prefix> parsed;
        for (const std::string_view network : split(private_networks, ',')) {
            parsed.push_back(parse_prefix(network).value());
        }
        return parsed;
    }();
    return std::any_of(networks.begin(), networks.end(), [&](const Prefix& each) { return each.contains(*this); });
}

std::string_view to_string(NameSource source) { return source == NameSource::reverse ? "reverse" : "hosts"; }

bool Prefix::contains(const Address& other) const
{
    return other.family != Family::none && other.family == address.family && masked(other, length) == address;
}

std::string to_string(const Address& address)
{
    if (address.family == Family::none) {
        return {};
    }
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (address.family == Family::v4) { // inet_ntop() takes fifteen times as long as this loop
        char* end = buffer.data();
        for (const std::uint8_t byte : std::span(address.bytes).first<4>()) {
            end = std::to_chars(end, buffer.data() + buffer.size(), byte).ptr;
            *end++ = '.';
        }
        return {buffer.data(), end - 1};
    }
    inet_ntop(AF_INET6, address.bytes.data(), buffer.data(), buffer.size());
    return buffer.data();
}

std::optional<Address> parse_address(std::string_view text)
{
    const auto address = parse_verbatim(text);
    return address ? std::optional(unmapped(*address)) : std::nullopt;
}

std::optional<Prefix> parse_prefix(std::string_view text)
{
    const auto slash = text.find('/');
    const auto written = parse_verbatim(text.substr(0, slash));
    if (!written) {
        return std::nullopt;
    }
    unsigned length = bits(written->family);
    if (slash != text.npos) {
        const auto given = parse_number(text.substr(slash + 1));
        if (!given || *given > length) {
            return std::nullopt;
        }
        length = static_cast<unsigned>(*given);
    }
    const Address address = unmapped(*written);
    if (address.family != written->family) {
        if (length < mapped_bits) {
            return std::nullopt; // the prefix covers v4 and v6 addresses, but a Prefix has one family
        }
        length -= mapped_bits;
    }
    return Prefix{masked(address, length), length};
}

} // namespace socktally
