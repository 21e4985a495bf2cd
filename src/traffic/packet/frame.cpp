// SPDX-License-Identifier: MIT
// A cursor moves from header to header. It knows the length of the packet and the length of its captured part. So it
// can tell a header that the capture has cut off from a header that the packet does not have.
#include "traffic/packet/frame.hpp"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace socktally {

namespace {

class Cursor {
public:
    Cursor(std::span<const std::byte> captured, std::size_t length)
        : captured_(captured.first(std::min(captured.size(), length))), length_(length)
    {
    }

    /// Returns the number of bytes of the packet from the cursor on, captured or not.
    std::size_t left() const { return length_; }
    std::size_t captured() const { return captured_.size(); }
    void limit(std::size_t length)
    {
        length_ = std::min(length_, length);
        captured_ = captured_.first(std::min(captured_.size(), length_));
    }

    /// Returns Verdict::packet if the next `size` bytes were captured, Verdict::malformed if the packet is shorter, and
    /// Verdict::cut if only the captured part is shorter.
    Verdict need(std::size_t size) const
    {
        if (size > length_) {
            return Verdict::malformed;
        }
        return size > captured_.size() ? Verdict::cut : Verdict::packet;
    }
    /// Returns a byte after the cursor. Call need() first, which checks that the byte was captured.
    std::uint8_t byte(std::size_t at) const { return std::to_integer<std::uint8_t>(captured_[at]); }
    std::uint16_t word(std::size_t at) const { return static_cast<std::uint16_t>(byte(at) << 8 | byte(at + 1)); }
    std::uint32_t number(std::size_t at) const { return std::uint32_t{word(at)} << 16 | word(at + 2); }
    std::span<const std::byte> bytes(std::size_t at, std::size_t size) const { return captured_.subspan(at, size); }

    /// Skips a header, even if only a part of it was captured.
    void skip(std::size_t size)
    {
        length_ -= std::min(size, length_);
        captured_ = captured_.subspan(std::min(size, captured_.size()));
    }

private:
    std::span<const std::byte> captured_;
    std::size_t length_;
};

bool is_vlan_tag(std::uint16_t type) { return type == ETH_P_8021Q || type == ETH_P_8021AD; }

Verdict parse_ethernet(Cursor& cursor, std::uint16_t& type, bool& is_tagged)
{
    constexpr std::size_t type_offset = 12;
    constexpr std::size_t tag_size = 4;
    constexpr int most_tags = 4;
    if (const Verdict verdict = cursor.need(ETH_HLEN); verdict != Verdict::packet) {
        return verdict;
    }
    type = cursor.word(type_offset);
    cursor.skip(ETH_HLEN);
    for (int tags = 0; is_vlan_tag(type); ++tags) {
        if (const Verdict verdict = cursor.need(tag_size); verdict != Verdict::packet) {
            return verdict;
        }
        if (tags == most_tags) {
            return Verdict::cut;
        }
        is_tagged = is_tagged || (cursor.word(0) & vlan_mask) != 0;
        type = cursor.word(2);
        cursor.skip(tag_size);
    }
    return Verdict::packet;
}

/// Works like Address::from_bytes() with 4 bytes, but without a call, because it runs for each packet.
Address v4(const Cursor& cursor, std::size_t at)
{
    Address address;
    address.family = Family::v4;
    std::memcpy(address.bytes.data(), cursor.bytes(at, 4).data(), 4);
    return address;
}

Address v6(const Cursor& cursor, std::size_t at) { return Address::from_bytes(cursor.bytes(at, 16)); }

bool is_extension(std::uint8_t header)
{
    constexpr std::array extensions{std::uint8_t{IPPROTO_HOPOPTS},
                                    std::uint8_t{IPPROTO_ROUTING},
                                    std::uint8_t{IPPROTO_FRAGMENT},
                                    std::uint8_t{IPPROTO_AH},
                                    std::uint8_t{IPPROTO_DSTOPTS},
                                    ip6_mobility,
                                    ip6_hip,
                                    ip6_shim6};
    return std::find(extensions.begin(), extensions.end(), header) != extensions.end();
}

/// Returns the size of an extension header in bytes (RFC 8200 4.3 to 4.6). `length` is its length field, which counts
/// words of 8 bytes, or of 4 bytes in AH (RFC 4302 2.2).
std::size_t extension_size(std::uint8_t header, std::uint8_t length)
{
    switch (header) {
    case IPPROTO_FRAGMENT: return 8;
    case IPPROTO_AH: return (std::size_t{length} + 2) * 4;
    default: return (std::size_t{length} + 1) * 8;
    }
}

/// Skips the extension headers of IPv6, or AH in IPv4. In a fragment after the first, stops after the fragment header,
/// because data follows.
Verdict skip_extensions(Cursor& cursor, std::uint8_t& header, Packet& packet)
{
    constexpr std::size_t shortest = 8;
    constexpr int most_headers = 16;
    for (int headers = 0; is_extension(header) && !packet.is_later_fragment(); ++headers) {
        if (const Verdict verdict = cursor.need(shortest); verdict != Verdict::packet) {
            return verdict;
        }
        if (headers == most_headers) {
            return Verdict::cut;
        }
        const std::size_t size = extension_size(header, cursor.byte(1));
        if (header == IPPROTO_FRAGMENT) {
            const std::uint16_t position = cursor.word(2);
            const Fragment fragment{cursor.number(4), position & 0xfff8U, (position & 1) != 0};
            if (fragment.offset != 0 || fragment.more) { // else it is an atomic fragment: a whole datagram (RFC 6946)
                packet.fragment = fragment;
            }
        }
        header = cursor.byte(0);
        if (cursor.left() < size) {
            return Verdict::malformed;
        }
        cursor.skip(size);
    }
    return Verdict::packet;
}

Verdict parse_tcp(const Cursor& cursor, Packet& packet)
{
    constexpr std::size_t shortest = 20;
    constexpr std::size_t used = 14; // size of the header up to and including its flags
    if (cursor.left() < shortest) {
        return Verdict::malformed;
    }
    if (const Verdict verdict = cursor.need(used); verdict != Verdict::packet) {
        return verdict;
    }
    const std::size_t size = std::size_t{cursor.byte(12)} >> 4 << 2;
    if (size < shortest || size > cursor.left()) {
        return Verdict::malformed;
    }
    packet.source.port = cursor.word(0);
    packet.destination.port = cursor.word(2);
    packet.tcp = {cursor.number(4), cursor.byte(13)};
    packet.header_bytes = static_cast<std::uint32_t>(size);
    packet.payload_at = packet.ip_bytes - static_cast<std::uint32_t>(cursor.left() - size);
    packet.payload_bytes = static_cast<std::uint32_t>(cursor.left() - size);
    return Verdict::packet;
}

/// Parses a UDP header. Its length field may be less than the rest of the IP packet. It is 0 in a jumbogram. In a first
/// fragment it is the length of the whole datagram.
Verdict parse_udp(const Cursor& cursor, Packet& packet)
{
    constexpr std::size_t size = 8;
    if (const Verdict verdict = cursor.need(size); verdict != Verdict::packet) {
        return verdict;
    }
    const std::size_t length = cursor.word(4);
    const bool may_be_jumbo = packet.source.address.family == Family::v6; // __udp6_lib_rcv()
    if (length < size && !(length == 0 && may_be_jumbo)) {
        return Verdict::malformed;
    }
    std::size_t payload = cursor.left() - size;
    if (!packet.fragment && length != 0) {
        if (length > cursor.left()) {
            return Verdict::malformed;
        }
        payload = length - size;
    }
    packet.source.port = cursor.word(0);
    packet.destination.port = cursor.word(2);
    packet.header_bytes = size;
    packet.payload_at = packet.ip_bytes - static_cast<std::uint32_t>(cursor.left() - size);
    packet.payload_bytes = static_cast<std::uint32_t>(payload);
    return Verdict::packet;
}

Verdict parse_transport(const Cursor& cursor, std::uint8_t header, Packet& packet)
{
    if (header != IPPROTO_TCP && header != IPPROTO_UDP) {
        return Verdict::other;
    }
    packet.protocol = header == IPPROTO_TCP ? Protocol::tcp : Protocol::udp;
    if (packet.is_later_fragment()) {
        packet.payload_bytes = static_cast<std::uint32_t>(cursor.left());
        return Verdict::packet;
    }
    return header == IPPROTO_TCP ? parse_tcp(cursor, packet) : parse_udp(cursor, packet);
}

Verdict parse_v4(Cursor cursor, Packet& packet)
{
    constexpr std::size_t shortest = 20;
    constexpr std::uint16_t more_fragments = 0x2000;
    constexpr std::uint16_t offset_mask = 0x1fff;
    if (const Verdict verdict = cursor.need(shortest); verdict != Verdict::packet) {
        return verdict;
    }
    const std::size_t size = (std::size_t{cursor.byte(0)} & 0x0f) * 4;
    const std::size_t total = cursor.word(2);
    // With BIG TCP, the length field is 0. The packet then ends with the frame.
    if (total != 0) {
        if (total > cursor.left()) {
            return Verdict::malformed;
        }
        cursor.limit(total); // Ethernet's padding follows
    }
    if (size < shortest || size > cursor.left()) {
        return Verdict::malformed;
    }
    packet.ip_bytes = static_cast<std::uint32_t>(cursor.left());
    packet.source.address = v4(cursor, 12);
    packet.destination.address = v4(cursor, 16);
    const std::uint16_t position = cursor.word(6);
    if ((position & (more_fragments | offset_mask)) != 0) {
        packet.fragment = {cursor.word(4), (position & std::uint32_t{offset_mask}) * 8,
                           (position & more_fragments) != 0};
    }
    std::uint8_t header = cursor.byte(9);
    cursor.skip(size);
    if (header == IPPROTO_AH) {
        if (const Verdict verdict = skip_extensions(cursor, header, packet); verdict != Verdict::packet) {
            return verdict;
        }
    }
    return parse_transport(cursor, header, packet);
}

Verdict parse_v6(Cursor cursor, Packet& packet)
{
    constexpr std::size_t size = 40;
    if (const Verdict verdict = cursor.need(size); verdict != Verdict::packet) {
        return verdict;
    }
    const std::size_t payload = cursor.word(4);
    // In a jumbogram (RFC 2675) and with BIG TCP, the length field is 0. The packet then ends with the frame.
    if (payload != 0) {
        if (size + payload > cursor.left()) {
            return Verdict::malformed;
        }
        cursor.limit(size + payload);
    }
    packet.ip_bytes = static_cast<std::uint32_t>(cursor.left());
    packet.source.address = v6(cursor, 8);
    packet.destination.address = v6(cursor, 24);
    std::uint8_t header = cursor.byte(6);
    cursor.skip(size);
    if (const Verdict verdict = skip_extensions(cursor, header, packet); verdict != Verdict::packet) {
        return verdict;
    }
    return parse_transport(cursor, header, packet);
}

} // namespace

Verdict parse_frame(const Frame& frame, Packet& packet)
{
    packet = {};
    packet.is_tagged = frame.is_tagged;
    Cursor cursor(frame.bytes, frame.length);
    if (frame.link == LinkLayer::ethernet) {
        std::uint16_t type = 0;
        if (const Verdict verdict = parse_ethernet(cursor, type, packet.is_tagged); verdict != Verdict::packet) {
            return verdict;
        }
        if (type != ETH_P_IP && type != ETH_P_IPV6) {
            return Verdict::other;
        }
    }
    if (const Verdict verdict = cursor.need(1); verdict != Verdict::packet) {
        return verdict;
    }
    Verdict verdict = frame.link == LinkLayer::ethernet ? Verdict::malformed : Verdict::other;
    switch (cursor.byte(0) >> 4) {
    case 4: verdict = parse_v4(cursor, packet); break;
    case 6: verdict = parse_v6(cursor, packet); break;
    default: break;
    }
    packet.payload_at += static_cast<std::uint32_t>(frame.bytes.size() - cursor.captured());
    return verdict;
}

} // namespace socktally
