// SPDX-License-Identifier: MIT
#include "backend/netlink/window.hpp"

#include "sys/interrupt.hpp"

#include <algorithm>

namespace socktally {

namespace {

using namespace std::chrono_literals;

/// A tick reads one file of /proc, tens of microseconds, unless that says that a connection was opened.
constexpr auto tick_interval = 10ms;

/// Looking costs a walk of the kernel's hash and of some processes. Not more often than this, and never more than a quarter of
/// the time; 50 ms of life are then enough to be seen on a machine where a look takes up to 8 ms.
constexpr auto look_interval = 20ms;
constexpr int idle_share = 3;
constexpr auto longest_search = 50ms;

/// A socket that this many looks could not find is in nobody's table that we may read (another user's, the kernel's).
constexpr int searches_per_socket = 4;

constexpr auto progress_interval = 250ms;

} // namespace

void Window::watch(Clock::time_point end, const SampleRequest& request)
{
    const auto begun = Clock::now();
    auto next_progress = begun + progress_interval;
    for (auto now = begun; now < end && request.interrupt->signal() == 0; now = Clock::now()) {
        tick(now);
        if (request.progress && now >= next_progress) {
            request.progress(now - begun);
            next_progress = now + progress_interval;
        }
        request.interrupt->wait_until(std::min(end, now + tick_interval), parts_.events.fd_to_watch());
    }
}

void Window::drain()
{
    parts_.events.drain([this](const DiagSocket& socket) {
        if (const auto inode = parts_.table.destroyed(socket, SocketTable::Window::open)) {
            parts_.holders.closed(*inode);
        }
    });
}

void Window::tick(Clock::time_point now)
{
    drain();
    parts_.holders.confirm();
    const auto counters = parts_.counters.read();
    const std::uint64_t opens = counters ? counters->tcp_opens : opens_ + 1; // cannot tell: look
    unresolved_ = unresolved_ || opens != opens_;
    opens_ = opens;
    if (unresolved_ && now >= next_look_) {
        look_for_new();
        const auto done = Clock::now();
        next_look_ = std::max(now + look_interval, done + idle_share * (done - now));
    }
}

void Window::look_for_new()
{
    parts_.dumper.tcp_quick([this](const DiagSocket& socket) { parts_.table.during(socket); });
    drain();
    search();
    unresolved_ = parts_.table.has_unaccepted() || !unheld().empty();
}

/// Everywhere only for what an earlier search did not find and what still lives: on a busy machine there are always a few that are
/// gone by the time they are searched.
void Window::search()
{
    std::vector<Inode> wanted = unheld();
    auto reach = HolderMap::Reach::likely;
    std::erase_if(wanted, [&](Inode inode) {
        const int searches = ++searches_[inode.value];
        if (searches > 1 && searches <= searches_per_socket) {
            reach = HolderMap::Reach::everywhere;
        }
        return searches > searches_per_socket;
    });
    if (!wanted.empty()) {
        parts_.holders.search(wanted, reach, Clock::now() + longest_search);
    }
}

std::vector<Inode> Window::unheld() const { return parts_.holders.unheld(parts_.table.live_inodes()); }

} // namespace socktally
