// SPDX-License-Identifier: MIT
// An AF_PACKET socket with a ring of blocks that the kernel fills (TPACKET_V3, packet_mmap.rst): packets are read where
// they lie, a block at a time. It knows frames and interfaces, not what is in a frame.
#pragma once

#include "backend/packet/frame.hpp"
#include "sys/fd.hpp"

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace socktally {

struct CapturedFrame {
    Frame frame;
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

    /// Hands the packets of the blocks that are ready to `take`; false where none was. Not more than one round.
    template <typename Take>
    bool drain(Take take)
    {
        std::size_t done = 0;
        for (; done < blocks_; ++done) {
            auto frames = ready_block();
            if (!frames) {
                break;
            }
            CapturedFrame captured;
            while (frames->next(captured)) {
                take(captured);
            }
            release_block();
        }
        return done != 0;
    }

    /// Whether packets lie in the block that the kernel is filling: they come within two times block_wait_ms.
    bool has_more() const;

    /// Packets that found the ring full since this was last called.
    std::uint32_t new_drops() const;

private:
    /// The packets of a block, one after the other.
    class Frames {
    public:
        explicit Frames(std::span<const std::byte> block);
        bool next(CapturedFrame& captured);

    private:
        std::span<const std::byte> block_;
        std::size_t offset_ = 0;
        std::uint32_t left_ = 0;
    };

    std::span<std::byte> block(std::size_t index) const;
    /// The next one; null where the kernel has not handed it over.
    std::optional<Frames> ready_block() const;
    void release_block();

    Fd fd_;
    std::size_t block_size_ = 0;
    std::size_t blocks_ = 0;
    std::span<std::byte> memory_;
    std::size_t next_ = 0; // block
};

} // namespace socktally
