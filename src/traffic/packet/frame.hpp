// SPDX-License-Identifier: MIT
// Parses a captured frame: Ethernet with VLAN tags or bare IP, IPv4 and IPv6 with their options and extension headers,
// TCP and UDP. Pure. It reads only headers, as far as they were captured.
#pragma once

#include "model/flow.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace socktally {

// Next-header numbers that netinet/in.h does not have; these headers have the length field of RFC 6564.
inline constexpr std::uint8_t ip6_mobility = 135;
inline constexpr std::uint8_t ip6_hip = 139;
inline constexpr std::uint8_t ip6_shim6 = 140;

enum class LinkLayer : std::uint8_t {
    ethernet,
    none, // bare IP: tun devices, tunnels
};

/// The part of a VLAN tag that is the number of the VLAN; 0: the tag has only a priority (802.1Q).
inline constexpr std::uint16_t vlan_mask = 0x0fff;

/// The captured part of a frame. `length` is the length of the whole frame: the kernel's superpackets are longer than
/// the length field of IPv4 or IPv6 can hold.
struct Frame {
    std::span<const std::byte> bytes;
    std::size_t length = 0;
    LinkLayer link = LinkLayer::ethernet;
    bool is_tagged = false; // the kernel has removed a VLAN tag; see Packet::is_tagged
};

/// The part of a datagram that a packet has, if the datagram was fragmented.
struct Fragment {
    std::uint32_t id = 0;
    std::uint32_t offset = 0; // of its first byte in the datagram
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
    Endpoint source;                   // ports are 0 in a fragment after the first
    Endpoint destination;
    std::uint32_t ip_bytes = 0;      // from the first byte of the IP header
    std::uint32_t payload_bytes = 0; // after the TCP or UDP header; in a later fragment, after the IP headers
    TcpHeader tcp;                   // TCP only, not in later fragments
    std::uint32_t header_bytes = 0;  // of TCP or UDP, not in later fragments
    std::optional<Fragment> fragment;
    bool is_tagged = false;           // it has the number of a VLAN, so it is for another interface, or for none
    bool to_many = false;             // multicast or broadcast by its link address, as the kernel says
    std::chrono::nanoseconds time{0}; // since the epoch: when the kernel received it

    bool is_later_fragment() const { return fragment && fragment->offset != 0; }
};

/// Returns the current time on the clock with which the kernel stamps packets.
inline std::chrono::nanoseconds packet_clock_now() { return std::chrono::system_clock::now().time_since_epoch(); }

enum class Verdict : std::uint8_t {
    packet,
    other,     // neither TCP nor UDP, or not IP
    malformed, // a length does not fit, so no socket receives it
    cut,       // valid so far, but its headers are longer than the captured part
};

/// Sets `packet` only if it returns Verdict::packet.
Verdict parse_frame(const Frame& frame, Packet& packet);

} // namespace socktally
