// SPDX-License-Identifier: MIT
// One call, one message.
#include "messages.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ether.h>

#include <array>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace truth {

namespace {
std::array<char, 65'536> buffer; // every worker has its own
}

int open_socket(int family, int type, int protocol)
{
    return must(::socket(family, type | SOCK_CLOEXEC, protocol), "socket");
}

void send_one(Self& self, int fd, std::size_t bytes, int flags)
{
    self.count_tx(must(::send(fd, buffer.data(), bytes, flags), "send"));
}

std::size_t receive_one(Self& self, int fd)
{
    return static_cast<std::size_t>(self.count_rx(must(::recv(fd, buffer.data(), buffer.size(), 0), "recv")));
}

void allow_ping_sockets()
{
    std::ofstream file("/proc/sys/net/ipv4/ping_group_range");
    file << "0 0" << std::flush;
    if (!file) {
        throw std::runtime_error("ping_group_range cannot be set");
    }
}

void ping(Self& self, int fd, std::uint8_t request, int count, std::size_t payload, int messages_each)
{
    for (int index = 0; index < count; ++index) {
        buffer.fill(0);
        buffer[0] = static_cast<char>(request);
        const std::uint16_t checksum = htons(static_cast<std::uint16_t>(~(request << 8)));
        std::memcpy(&buffer[2], &checksum, sizeof checksum); // the rest is zero; ping sockets and ICMPv6 make their own
        send_one(self, fd, 8 + payload);
        for (int message = 0; message < messages_each; ++message) {
            receive_one(self, fd);
        }
    }
}

PacketSocket packet_socket(int type, const char* interface)
{
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(0x88b5);
    to.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    to.sll_halen = ETH_ALEN;
    return {open_socket(AF_PACKET, type, 0), to};
}

void inject(Self& self, const PacketSocket& socket, std::size_t bytes)
{
    const auto* to = reinterpret_cast<const sockaddr*>(&socket.to);
    self.count_tx(must(::sendto(socket.fd, buffer.data(), bytes, 0, to, sizeof socket.to), "inject"));
}

} // namespace truth
