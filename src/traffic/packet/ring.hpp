// SPDX-License-Identifier: MIT
// An AF_PACKET socket with a ring of blocks that the kernel fills (TPACKET_V3, packet_mmap.rst), and the filter of the
// socket. Packets are read in place, a block at a time. It knows frames and interfaces, but not the contents of frames.
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

/// The packets that the capture's classic BPF program keeps. It runs in the kernel for each packet of the namespace, so
/// it drops packets that are not needed.
struct FilterPlan {
    std::vector<std::uint32_t> wanted;  // interfaces; empty: all
    std::vector<std::uint32_t> skipped; // interfaces whose packets are also seen at another one
    bool other_hosts = false;           // keep packets to other link addresses: some interface has a second one
    bool udp_only = false;              // of TCP, keep only packets with extension headers or a VLAN tag
};

/// Makes a filter that keeps TCP and UDP, or only UDP: the headers without payload, and more bytes of packets with
/// options or extension headers. Drops one of the two copies on lo.
std::vector<sock_filter> packet_filter(const FilterPlan& plan);

struct CapturedFrame {
    Frame frame;
    std::chrono::nanoseconds time{0}; // since the epoch: when the kernel received it
    std::uint32_t interface = 0;
    std::uint8_t type = 0; // PACKET_HOST, PACKET_OUTGOING, ...
    bool loopback = false; // seen on lo
};

class PacketRing {
public:
    /// Throws std::system_error: EPERM without CAP_NET_RAW. `buffer_bytes` is rounded up to whole blocks.
    explicit PacketRing(std::size_t buffer_bytes);
    PacketRing(const PacketRing&) = delete;
    PacketRing& operator=(const PacketRing&) = delete;
    ~PacketRing();

    /// Returns a descriptor that is readable when a block is full, or when its first packet has waited for
    /// block_wait_ms.
    int fd() const { return fd_.get(); }
    static constexpr unsigned block_wait_ms = 10;

    /// Replaces the filter, from the next packet on.
    void set_filter(std::span<const sock_filter> program) const;
    /// Captures at every interface of the network namespace, from now on.
    void start() const;

    /// Gives the next packet of the ready blocks. Returns false if there is none before `end`, or none in `blocks`
    /// blocks, which it counts down. The packet is valid until the next call.
    static constexpr auto no_end = std::chrono::nanoseconds::max();
    bool next(CapturedFrame& captured, std::size_t& blocks, std::chrono::nanoseconds end);
    /// Returns whether a packet from `end` or later waits.
    bool is_stopped() const { return begun_ && begun_->is_stopped(); }
    /// Returns the number of blocks in the ring.
    std::size_t blocks() const { return blocks_; }

    /// Returns whether packets are in the block that the kernel is filling. They arrive within twice block_wait_ms.
    bool has_more() const;

    /// Returns how many packets were dropped since the last call because the ring was full.
    std::uint32_t new_drops() const;

private:
    /// The packets of a block, one after another.
    class Frames {
    public:
        explicit Frames(std::span<const std::byte> block);
        /// Returns false at the end of the block, and before a packet from `end` or later.
        bool next(CapturedFrame& captured, std::chrono::nanoseconds end);
        bool is_stopped() const { return stopped_; }

    private:
        std::span<const std::byte> block_;
        std::size_t offset_ = 0;
        std::uint32_t left_ = 0;
        bool stopped_ = false;
    };

    std::span<std::byte> block(std::size_t index) const;
    /// Returns the next block; null if it is not ready.
    std::optional<Frames> ready_block() const;
    void release_block();

    Fd fd_;
    std::size_t block_size_ = 0;
    std::size_t blocks_ = 0;
    std::span<std::byte> memory_;
    std::size_t next_ = 0;        // index of the next block
    std::optional<Frames> begun_; // the next block, if it was read in part
};

} // namespace socktally
