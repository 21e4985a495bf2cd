// SPDX-License-Identifier: MIT
// An AF_PACKET socket with a ring of blocks that the kernel fills (TPACKET_V3, packet_mmap.rst): packets are read where
// they lie, a block at a time. It knows frames and interfaces, not what is in a frame. And the filter of the socket.
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

/// The packets that the capture's classic BPF program keeps. It runs in the kernel for each packet of the namespace,
/// so it leaves out packets that need not be seen.
struct FilterPlan {
    std::vector<std::uint32_t> wanted;  // interfaces; empty: all
    std::vector<std::uint32_t> skipped; // interfaces whose packets are seen elsewhere as well
    bool other_hosts = false;           // packets to another link address too: some interface has a second one
    bool udp_only = false;              // of TCP only what comes behind extension headers or a VLAN tag
};

/// Keeps TCP and UDP, or UDP alone, with their headers and no payload: of a plain packet exactly those, of one with
/// options or extension headers more. Drops one of the two copies on lo.
std::vector<sock_filter> packet_filter(const FilterPlan& plan);

struct CapturedFrame {
    Frame frame;
    std::chrono::nanoseconds time{0}; // since the epoch, when the kernel took it
    std::uint32_t interface = 0;
    std::uint8_t type = 0; // PACKET_HOST and its like
    bool loopback = false; // of lo
};

class PacketRing {
public:
    /// Throws std::system_error: EPERM without CAP_NET_RAW. `buffer_bytes` are rounded up to whole blocks.
    explicit PacketRing(std::size_t buffer_bytes);
    PacketRing(const PacketRing&) = delete;
    PacketRing& operator=(const PacketRing&) = delete;
    ~PacketRing();

    /// Readable when a block is full, or when its first packet has waited for block_wait_ms.
    int fd() const { return fd_.get(); }
    static constexpr unsigned block_wait_ms = 10;

    /// From the next packet on; takes the place of the filter before.
    void set_filter(std::span<const sock_filter> program) const;
    /// Packets of every interface of the network namespace, from now on.
    void start() const;

    /// Gives the next packet of the blocks that are ready; false if there is none before `end`, or none in `blocks`
    /// blocks, which are counted down. The packet stays where it is until the next call.
    static constexpr auto no_end = std::chrono::nanoseconds::max();
    bool next(CapturedFrame& captured, std::size_t& blocks, std::chrono::nanoseconds end);
    /// Returns whether a packet of `end` or later waits.
    bool is_stopped() const { return begun_ && begun_->is_stopped(); }
    /// A round of the ring.
    std::size_t blocks() const { return blocks_; }

    /// Whether packets lie in the block that the kernel is filling: they come within two times block_wait_ms.
    bool has_more() const;

    /// Packets that found the ring full since this was last called.
    std::uint32_t new_drops() const;

private:
    /// The packets of a block, one after the other.
    class Frames {
    public:
        explicit Frames(std::span<const std::byte> block);
        /// False at the end of the block and before a packet of `end` or later.
        bool next(CapturedFrame& captured, std::chrono::nanoseconds end);
        bool is_stopped() const { return stopped_; }

    private:
        std::span<const std::byte> block_;
        std::size_t offset_ = 0;
        std::uint32_t left_ = 0;
        bool stopped_ = false;
    };

    std::span<std::byte> block(std::size_t index) const;
    /// The next one; null if the kernel has not handed it over.
    std::optional<Frames> ready_block() const;
    void release_block();

    Fd fd_;
    std::size_t block_size_ = 0;
    std::size_t blocks_ = 0;
    std::span<std::byte> memory_;
    std::size_t next_ = 0;        // block
    std::optional<Frames> begun_; // of it, if it is read in part
};

} // namespace socktally
