// SPDX-License-Identifier: MIT
// An AF_PACKET socket with a filter, and its ring of blocks, which the kernel fills (TPACKET_V3, packet_mmap.rst).
// Packets are read in place, one block after another. The ring does not parse frames.
#pragma once

#include "linux/fd.hpp"
#include "traffic/packet/frame.hpp"

#include <linux/filter.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace socktally {

/// Tells which packets the filter of a capture keeps. The filter is a classic BPF program. The kernel runs it for each
/// packet of the namespace, so that packets that are not needed cost little.
struct FilterPlan {
    std::vector<std::uint32_t> wanted;  // indices of the interfaces to capture on; empty: all
    std::vector<std::uint32_t> skipped; // indices of interfaces whose packets another interface also shows
    /// Whether to keep packets to the link address of another host. It may be the address of a stacked interface.
    bool other_hosts = false;
    bool udp_only = false; // drop TCP, but keep packets with extension headers or a VLAN tag, even if they are TCP
    std::vector<std::uint16_t> read{};   // keep only packets from and to these ports, and those whole
    std::vector<std::uint16_t> docker{}; // with `read`: also from and to these ports at 127.0.0.11
    std::uint16_t watched = 0;           // with `read`: keep the headers of packets from and to this port too
};

/// Returns a filter that keeps TCP and UDP, or only UDP, or some ports. It cuts packets off after their headers. If a
/// packet has options or extension headers, it keeps more bytes. It drops one of the two copies of each packet on lo.
std::vector<sock_filter> packet_filter(const FilterPlan& plan);

struct CapturedFrame {
    Frame frame;
    std::chrono::nanoseconds time{0}; // when the kernel received the packet, since the epoch
    std::uint32_t interface = 0;
    std::uint8_t type = 0; // PACKET_HOST, PACKET_OUTGOING, ...
    bool loopback = false; // seen on lo
};

class PacketRing {
public:
    /// Opens the socket and maps the ring. `buffer_bytes` is rounded up to whole blocks. Throws std::system_error; its
    /// code is EPERM if CAP_NET_RAW is missing.
    explicit PacketRing(std::size_t buffer_bytes);
    PacketRing(const PacketRing&) = delete;
    PacketRing& operator=(const PacketRing&) = delete;
    ~PacketRing();

    /// Returns a descriptor that is readable when a block is full, or when the first packet of a block has waited for
    /// block_wait_ms.
    int fd() const { return fd_.get(); }
    static constexpr unsigned block_wait_ms = 10;

    /// Replaces the filter, from the next packet on.
    void set_filter(std::span<const sock_filter> program) const;
    /// Begins to capture at all interfaces of the network namespace.
    void start() const;

    /// Sets `captured` to the next packet in a ready block. `captured` is valid until the next call. `blocks` is the
    /// number of blocks that may still be read; each finished block reduces it by 1. Returns false if `blocks` is 0, or
    /// if no packet from before `end` is ready.
    static constexpr auto no_end = std::chrono::nanoseconds::max();
    bool next(CapturedFrame& captured, std::size_t& blocks, std::chrono::nanoseconds end);
    /// Returns whether the last next() has stopped at a packet from `end` or later.
    bool is_stopped() const { return begun_ && begun_->is_stopped(); }
    /// Returns the number of blocks in the ring.
    std::size_t blocks() const { return blocks_; }

    /// Returns whether the next block has packets, even if the kernel is still filling it. The kernel hands the block
    /// over within twice block_wait_ms.
    bool has_more() const;

    /// Returns the number of packets that the kernel has dropped since the last call because the ring was full.
    std::uint32_t new_drops() const;

private:
    /// The packets of a block, one after another.
    class Frames {
    public:
        explicit Frames(std::span<const std::byte> block);
        /// Sets `captured` to the next packet. Returns false at the end of the block, or if the next packet is from
        /// `end` or later.
        bool next(CapturedFrame& captured, std::chrono::nanoseconds end);
        bool is_stopped() const { return stopped_; }

    private:
        std::span<const std::byte> block_;
        std::size_t offset_ = 0;
        std::uint32_t left_ = 0;
        bool stopped_ = false;
    };

    std::span<std::byte> block(std::size_t index) const;
    /// Returns the next block; null if the kernel has not handed it over yet.
    std::optional<Frames> ready_block() const;
    void release_block();

    Fd fd_;
    std::size_t block_size_ = 0;
    std::size_t blocks_ = 0;
    std::span<std::byte> memory_;
    std::size_t next_ = 0;        // index of the next block
    std::optional<Frames> begun_; // the next block, if only a part of it was read
};

} // namespace socktally
