// SPDX-License-Identifier: MIT
// TCP without copying, in both directions.
#include "exact.hpp"

#include <linux/tcp.h>
#include <poll.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <vector>

using namespace truth;

namespace {

constexpr std::size_t chunk = 65'536;
std::array<char, 1 << 20> buffer;

} // namespace

TEST_CASE("exact: MSG_ZEROCOPY, with reads of the error queue")
{
    TRUTH_EXACT_ONLY();
    constexpr int sends = 40;
    Stage stage;
    start_connection(
        stage, [](Self& self, int fd) { self.receive(fd, sends * 50'000); },
        [](Self& self, int fd) {
            set_option(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
            for (int count = 0; count < sends; ++count) {
                for (std::size_t left = 50'000; left > 0;) {
                    left -= static_cast<std::size_t>(
                        self.count_tx(must(::send(fd, buffer.data(), left, MSG_ZEROCOPY), "send")));
                }
                wait_for(fd, POLLERR);
                std::array<char, 256> control;
                msghdr message{};
                message.msg_control = control.data();
                message.msg_controllen = control.size();
                must(::recvmsg(fd, &message, MSG_ERRQUEUE), "read the error queue");
            }
        });
    check(stage.measure());
}

TEST_CASE("exact: TCP_ZEROCOPY_RECEIVE, mapped and copied")
{
    TRUTH_EXACT_ONLY();
    constexpr std::size_t bytes = 2'000'000;
    Stage stage;
    start_connection(
        stage,
        [](Self& self, int fd) {
            void* const area = ::mmap(nullptr, chunk, PROT_READ, MAP_SHARED, fd, 0);
            if (area == MAP_FAILED) {
                fail("mmap of a socket");
            }
            std::vector<char> copied(chunk);
            std::size_t mapped = 0;
            for (std::size_t left = bytes; left > 0;) {
                pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
                must(::poll(&wait, 1, 5000), "poll");
                tcp_zerocopy_receive how{};
                how.address = reinterpret_cast<std::uintptr_t>(area);
                how.length = chunk;
                how.copybuf_address = reinterpret_cast<std::uintptr_t>(copied.data());
                how.copybuf_len = 5000;
                socklen_t length = sizeof how;
                must(::getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &how, &length), "TCP_ZEROCOPY_RECEIVE");
                left -= static_cast<std::size_t>(self.count_rx(ssize_t{how.length} + how.copybuf_len));
                mapped += how.length;
                const std::size_t hint = std::min<std::size_t>(how.recv_skip_hint, chunk);
                if (hint > 0) {
                    left -= static_cast<std::size_t>(self.count_rx(must(::recv(fd, buffer.data(), hint, 0), "recv")));
                }
            }
            if (mapped == 0) {
                std::fputs("truth: TCP_ZEROCOPY_RECEIVE only copied here\n", stderr);
            }
        },
        [](Self& self, int fd) {
            set_option(fd, SOL_SOCKET, SO_ZEROCOPY, 1); // over lo it is copied into whole pages, which can be mapped
            void* const pages = ::mmap(nullptr, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            for (std::size_t left = bytes; left > 0;) {
                left -= static_cast<std::size_t>(
                    self.count_tx(must(::send(fd, pages, std::min(left, chunk), MSG_ZEROCOPY), "send")));
            }
        });
    check(stage.measure());
}
