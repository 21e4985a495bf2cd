// SPDX-License-Identifier: MIT
// What a process injects through AF_PACKET.
#include "exact.hpp"
#include "messages.hpp"

#include <arpa/inet.h>
#include <netinet/ether.h>

#include <sys/mman.h>

#include <array>
#include <atomic>

using namespace truth;

namespace {

std::array<char, 65'536> buffer;

/// Frames in memory that is shared with the kernel (PACKET_TX_RING): send() names none of them, and sends all.
class TxRing {
public:
    static constexpr unsigned frames = 32;

    explicit TxRing(const PacketSocket& socket) : fd_(socket.fd)
    {
        must(::bind(fd_, reinterpret_cast<const sockaddr*>(&socket.to), sizeof socket.to), "bind");
        set_option(fd_, SOL_PACKET, PACKET_VERSION, int{TPACKET_V2});
        const tpacket_req layout{
            .tp_block_size = frames * frame_size, .tp_block_nr = 1, .tp_frame_size = frame_size, .tp_frame_nr = frames};
        set_option(fd_, SOL_PACKET, PACKET_TX_RING, layout);
        void* const memory = ::mmap(nullptr, frames * frame_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
        if (memory == MAP_FAILED) {
            fail("mmap of a packet ring");
        }
        memory_ = static_cast<std::byte*>(memory);
    }
    TxRing(const TxRing&) = delete;
    TxRing& operator=(const TxRing&) = delete;
    ~TxRing() { ::munmap(memory_, frames * frame_size); }

    void fill(unsigned frame, unsigned bytes)
    {
        auto* const header = reinterpret_cast<tpacket2_hdr*>(memory_ + frame * frame_size);
        header->tp_len = bytes;
        std::atomic_ref(header->tp_status).store(TP_STATUS_SEND_REQUEST, std::memory_order_release);
    }
    ssize_t send() { return must(::send(fd_, nullptr, 0, 0), "send a ring"); }

private:
    static constexpr unsigned frame_size = 2048;
    int fd_;
    std::byte* memory_;
};

} // namespace

TEST_CASE("exact: packets that are injected through AF_PACKET count as sent, those seen through it as nothing")
{
    TRUTH_EXACT_ONLY();
    constexpr int packets = 100;
    const auto run = [](int type, const char* interface) {
        Stage stage;
        const Netns far;
        join(stage.netns(), far);
        stage.start("t-sniffer", [](Self& self) {
            const Fd fd(open_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
            self.step();
            for (int count = 0; count < packets; ++count) {
                must(::recv(fd.get(), buffer.data(), buffer.size(), 0), "recv");
            }
        });
        stage.start("t-injector", [=](Self& self) {
            const PacketSocket socket = packet_socket(type, interface);
            self.step();
            for (int count = 0; count < packets; ++count) {
                inject(self, socket, static_cast<std::size_t>(60 + count));
            }
        });
        return stage.measure();
    };
    SUBCASE("frames, on lo") { check(run(SOCK_RAW, "lo")); }
    SUBCASE("frames, on veth") { check(run(SOCK_RAW, "near")); }
    SUBCASE("packets, on lo") { check(run(SOCK_DGRAM, "lo")); }
}

TEST_CASE("exact: packets that are injected through a ring (PACKET_TX_RING)")
{
    TRUTH_EXACT_ONLY();
    Stage stage;
    stage.start("t-injector", [](Self& self) {
        TxRing ring(packet_socket(SOCK_RAW, "lo"));
        self.step();
        for (int round = 0; round < 20; ++round) {
            ssize_t bytes = 0;
            for (unsigned frame = 0; frame < TxRing::frames; ++frame) {
                ring.fill(frame, 100 + frame);
                bytes += 100 + frame;
            }
            if (self.count_tx(ring.send()) != bytes) {
                throw std::runtime_error("the ring was not sent whole");
            }
        }
    });
    check(stage.measure());
}
