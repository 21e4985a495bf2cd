// SPDX-License-Identifier: MIT
// Sockets that move whole messages: UDP, ICMP, raw IP, AF_PACKET.
#pragma once

#include "worker.hpp"

#include <linux/if_packet.h>

namespace truth {

int open_socket(int family, int type, int protocol);

void send_one(Self& self, int fd, std::size_t bytes, int flags = 0);
std::size_t receive_one(Self& self, int fd); // its length

inline constexpr int experiment = 253; // a protocol number for raw IP, of RFC 3692

void allow_ping_sockets(); // in this network namespace

/// Sends echo requests with `payload` bytes; a raw socket sees requests as well as replies.
void ping(Self& self, int fd, std::uint8_t request, int count, std::size_t payload, int messages_each);

/// The socket and where its frames go: out at `interface`, with a protocol number made for experiments.
struct PacketSocket {
    int fd;
    sockaddr_ll to;
};
PacketSocket packet_socket(int type, const char* interface);
void inject(Self& self, const PacketSocket& socket, std::size_t bytes);

} // namespace truth
