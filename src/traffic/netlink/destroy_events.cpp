// SPDX-License-Identifier: MIT
#include "traffic/netlink/destroy_events.hpp"

#include <linux/sock_diag.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <unordered_set>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;

/// A receive buffer of 32 MiB holds 26,000 events of about 1,280 bytes. That is enough for a process that closes all
/// its descriptors at once, because few processes have more.
constexpr std::size_t wanted_buffer = 32 << 20;
constexpr std::size_t comfortable_buffer = 2 << 20;

/// On a busy machine, events were seen to come a second late.
constexpr auto longest_wait = std::chrono::seconds(5);
constexpr auto wait_after_loss = std::chrono::milliseconds(500);
constexpr auto longest_poll = std::chrono::milliseconds(20);

/// Opens a TCP socket and closes it at once. Returns its cookie; null if that fails.
std::optional<std::uint64_t> destroy_a_socket()
{
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (!socket || ::getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) {
        return std::nullopt;
    }
    return cookie;
}

/// Destroys one socket on each CPU that this process may run on. This takes some tens of microseconds for each CPU. If
/// there are too many CPUs, or if the kernel does not tell them, destroys one socket on the current CPU only.
std::unordered_set<std::uint64_t> destroy_sockets()
{
    constexpr int many_cpus = 64;
    std::unordered_set<std::uint64_t> cookies;
    const auto destroy_one = [&] {
        if (const auto cookie = destroy_a_socket()) {
            cookies.insert(*cookie);
        }
    };
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) > many_cpus) {
        destroy_one();
        return cookies;
    }
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &allowed)) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            ::sched_setaffinity(0, sizeof one, &one);
            destroy_one();
        }
    }
    ::sched_setaffinity(0, sizeof allowed, &allowed);
    return cookies;
}

} // namespace

DestroyEvents::DestroyEvents() : socket_(NetlinkSocket::Mode::nonblocking)
{
    small_buffer_ = socket_.grow_buffer(wanted_buffer) < comfortable_buffer;
}

bool DestroyEvents::listen()
{
    const bool v4 = socket_.join(SKNLGRP_INET_TCP_DESTROY);
    const bool v6 = socket_.join(SKNLGRP_INET6_TCP_DESTROY);
    listening_ = v4 && v6;
    return listening_;
}

std::size_t DestroyEvents::drain(const Take& take)
{
    for (std::size_t count = 0;; ++count) {
        std::span<const std::byte> datagram;
        switch (socket_.receive(datagram)) {
        case Received::nothing: return count;
        case Received::overrun: continue; // lost() includes the events that were dropped
        case Received::foreign: ++garbled_; continue;
        case Received::datagram: break;
        }
        NetlinkMessage message;
        while (next_message(datagram, message)) {
            if (const auto socket = parse_diag(message.payload, Protocol::tcp)) {
                take(*socket);
            } else {
                ++garbled_;
            }
        }
    }
}

bool DestroyEvents::settle(const Take& take, const std::function<void()>& meanwhile)
{
    if (!listening_) {
        return true;
    }
    auto deadline = Clock::now() + longest_wait;
    const std::uint64_t lost_before = lost();
    std::unordered_set<std::uint64_t> own = destroy_sockets();
    const auto watch = [&](const Socket& socket) {
        if (own.erase(socket.cookie.value) == 0) {
            take(socket);
        }
    };
    drain(watch);
    while (!own.empty()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        // Waits with poll(2), because a process that wakes up from many short sleeps can keep the work queue off a busy
        // CPU (seen on Linux 6.18, beside processes of the idle class).
        pollfd poll{socket_.fd(), POLLIN, 0};
        if (left.count() <= 0) {
            return false;
        }
        if (lost() != lost_before) { // the event of one of our own sockets may be lost
            deadline = std::min(deadline, Clock::now() + wait_after_loss);
        }
        ::poll(&poll, 1, static_cast<int>(std::min(left, longest_poll).count()));
        drain(watch);
        meanwhile();
    }
    return true;
}

} // namespace socktally
