// SPDX-License-Identifier: MIT
// Small sends and receives by turns, so that those of several fall between each other.
#include "mingle.hpp"

#include "exact.hpp"

#include <poll.h>

#include <algorithm>
#include <array>

namespace truth {

namespace {
thread_local std::array<char, 1024> buffer;
}

void mingle(Self& self, int fd, std::size_t tx)
{
    for (bool ended = false; tx > 0 || !ended;) {
        const auto events = static_cast<short>((tx > 0 ? POLLOUT : 0) | (ended ? 0 : POLLIN));
        pollfd wait{.fd = fd, .events = events, .revents = 0};
        must(::poll(&wait, 1, 10'000), "poll");
        if (tx > 0) {
            const ssize_t sent = ::send(fd, buffer.data(), std::min<std::size_t>(tx, 700), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent > 0) {
                tx -= static_cast<std::size_t>(self.count_tx(sent));
            } else {
                expect_error(sent, EAGAIN, "send");
            }
        }
        const ssize_t got = ::recv(fd, buffer.data(), 900, MSG_DONTWAIT);
        if (got >= 0) {
            ended = got == 0;
            self.count_rx(got);
        } else {
            expect_error(got, EAGAIN, "recv");
        }
    }
}

void answer_minglers(Self& self, int fd, std::size_t tx, std::size_t rx)
{
    self.exchange(fd, tx, rx);
    must(::shutdown(fd, SHUT_WR), "shutdown");
}

} // namespace truth
