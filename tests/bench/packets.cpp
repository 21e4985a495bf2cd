// SPDX-License-Identifier: MIT
// Datagrams of 18 bytes, the smallest that fill an Ethernet frame, at a steady rate to where nobody reads them. Not a
// test.
//   packets ADDRESS PORT RATE COUNT
// Prints how many seconds it took: more than COUNT / RATE where it could not send as fast.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

constexpr long datagram = 18; // bytes
constexpr long burst = 32;    // a pause between single ones would cost more than they do

void fail(const char* what)
{
    std::perror(what);
    std::exit(1);
}

int connected_socket(const char* address, int port)
{
    const int result = ::socket(AF_INET, SOCK_DGRAM, 0);
    const int segment = datagram;
    if (::setsockopt(result, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) {
        fail("packets: UDP_SEGMENT");
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        ::connect(result, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        fail("packets: connect");
    }
    return result;
}

/// The kernel cuts it up (UDP_SEGMENT), for an interface that takes no more than one packet at a time: several times as
/// fast as a call each.
void send_burst(int socket)
{
    static const std::array<char, burst * datagram> payload{};
    if (::send(socket, payload.data(), payload.size(), 0) != static_cast<ssize_t>(payload.size())) {
        fail("packets: send");
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 5) {
        std::fputs("usage: packets ADDRESS PORT RATE COUNT\n", stderr);
        return 2;
    }
    const int socket = connected_socket(argv[1], std::atoi(argv[2]));
    const long count = std::atol(argv[4]);
    const std::chrono::duration<double> pause(static_cast<double>(burst) / std::atof(argv[3]));
    const auto begun = Clock::now();
    for (long sent = 0; sent < count; sent += burst) {
        send_burst(socket);
        const auto next = begun + std::chrono::duration_cast<Clock::duration>(pause * (sent / burst + 1));
        while (Clock::now() < next) { // sleeping would be late, and then too fast
        }
    }
    std::printf("%.3f\n", std::chrono::duration<double>(Clock::now() - begun).count());
}
