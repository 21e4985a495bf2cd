// SPDX-License-Identifier: MIT
// Parses the headers of a captured frame: Ethernet with VLAN tags, or bare IP; IPv4 and IPv6 with options and extension
// headers; TCP and UDP. The payload need not be captured. Pure.
#pragma once

#include "model/flow.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace socktally {

// Numbers of extension headers that netinet/in.h lacks. RFC 6564 defines their length field.
inline constexpr std::uint8_t ip6_mobility = 135;
inline constexpr std::uint8_t ip6_hip = 139;
inline constexpr std::uint8_t ip6_shim6 = 140;

enum class LinkLayer : std::uint8_t {
    ethernet,
    none, // bare IP, as from tun devices and tunnels
};

/// The bits of a VLAN tag that hold the number of the VLAN. If the number is 0, the tag has only a priority (802.1Q).
inline constexpr std::uint16_t vlan_mask = 0x0fff;

/// The captured part of a frame. `length` is the length of the whole frame. It is needed for superpackets of the
/// kernel, which may be longer than the length field of IPv4 or IPv6 can express.
struct Frame {
    std::span<const std::byte> bytes;
    std::size_t length = 0;
    LinkLayer link = LinkLayer::ethernet;
    bool is_tagged = false; // the kernel has removed a VLAN tag that has a number; see Packet::is_tagged
};

/// Tells which part of a fragmented datagram a packet contains.
struct Fragment {
    std::uint32_t id = 0;
    std::uint32_t offset = 0; // number of bytes of the datagram before this fragment
    bool more = false;        // more fragments follow
};

struct TcpHeader {
    static constexpr std::uint8_t fin = 0x01;
    static constexpr std::uint8_t syn = 0x02;
    static constexpr std::uint8_t rst = 0x04;
    static constexpr std::uint8_t ack = 0x10;
    std::uint32_t sequence = 0;
    std::uint8_t flags = 0;
};

struct Packet {
    Protocol protocol = Protocol::tcp; // tcp or udp
    Endpoint source;                   // in a fragment after the first, both ports are 0
    Endpoint destination;
    std::uint32_t ip_bytes = 0; // length of the packet from the IP header on
    /// Bytes after the TCP or UDP header; in a fragment after the first, bytes after the IP headers.
    std::uint32_t payload_bytes = 0;
    TcpHeader tcp;                  // set for TCP only, and not in a fragment after the first
    std::uint32_t header_bytes = 0; // length of the TCP or UDP header; 0 in a fragment after the first
    std::optional<Fragment> fragment;
    /// The packet has a VLAN tag with a number. It belongs to the interface of that VLAN, if there is one.
    bool is_tagged = false;
    bool to_many = false; // sent to a multicast or broadcast link address, and not to an IP address of this machine
    std::uint32_t payload_at = 0;     // where the payload begins in the frame; not set in later fragments
    std::chrono::nanoseconds time{0}; // when the kernel received the packet, since the epoch

    bool is_later_fragment() const { return fragment && fragment->offset != 0; }
};

/// Returns the current time of the clock with which the kernel stamps packets, since the epoch.
inline std::chrono::nanoseconds packet_clock_now() { return std::chrono::system_clock::now().time_since_epoch(); }

enum class Verdict : std::uint8_t {
    packet,
    other,     // neither TCP nor UDP, or not IP
    malformed, // a length field is wrong, so no socket receives the packet
    cut,       // valid so far, but the headers are longer than the captured part
};

/// Parses a frame. `packet` is complete only if the result is Verdict::packet.
Verdict parse_frame(const Frame& frame, Packet& packet);

} // namespace socktally
