// SPDX-License-Identifier: MIT
// Datagrams of 18 bytes, the smallest that fill an Ethernet frame, at a steady rate to where nobody reads them. Not a
// test.
//   packets ADDRESS PORT RATE COUNT
// Prints how many seconds it took: more than COUNT / RATE where it could not send as fast.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

constexpr long burst = 32; // a pause between single ones would cost more than they do

void fail(const char* what)
{
    std::perror(what);
    std::exit(1);
}

int connected_socket(const char* address, int port)
{
    const int result = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        ::connect(result, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        fail("packets: connect");
    }
    return result;
}

void send_burst(int socket)
{
    static std::array<char, 18> payload{};
    iovec part{payload.data(), payload.size()};
    std::array<mmsghdr, burst> messages{};
    for (mmsghdr& message : messages) {
        message.msg_hdr.msg_iov = &part;
        message.msg_hdr.msg_iovlen = 1;
    }
    if (::sendmmsg(socket, messages.data(), burst, 0) != burst) {
        fail("packets: sendmmsg");
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
