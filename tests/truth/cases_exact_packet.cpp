// SPDX-License-Identifier: MIT
// What a process injects through AF_PACKET.
#include "exact.hpp"
#include "messages.hpp"

#include <arpa/inet.h>
#include <netinet/ether.h>

#include <array>

using namespace truth;

namespace {
std::array<char, 65'536> buffer;
}

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
