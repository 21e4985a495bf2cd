// SPDX-License-Identifier: MIT
#include "backend/netlink/window.hpp"

#include "sys/interrupt.hpp"

#include <time.h>

#include <algorithm>

namespace socktally {

namespace {

using namespace std::chrono_literals;

/// A tick reads one file of /proc, tens of microseconds, unless that says that a connection was opened.
constexpr auto tick_interval = 10ms;

/// Looking costs a walk of the kernel's hash and of some processes. Not more often than this, and never more than a
/// quarter of the time; 50 ms of life are then enough to be seen on a machine where a look takes up to 8 ms.
constexpr auto look_interval = 20ms;
constexpr int idle_share = 3;
constexpr auto longest_interval = 500ms;
constexpr auto longest_search = 50ms;

/// A socket that this many looks could not find is in nobody's table that we may read (another user's, the kernel's).
constexpr int searches_per_socket = 4;

constexpr auto progress_interval = 250ms;

/// What this thread has cost so far. Not wall time: on a busy machine that would make the looks rarer where they matter
/// most.
std::chrono::nanoseconds cpu_time()
{
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

} // namespace

void Window::watch(Clock::time_point end, const SampleRequest& request)
{
    interval_ = look_interval;
    const auto begun = Clock::now();
    auto next_progress = begun + progress_interval;
    auto next_tick = begun;
    for (auto now = begun; now < end && request.interrupt->signal() == 0; now = Clock::now()) {
        if (now >= next_tick) {
            tick(now);
            next_tick = now + tick_interval;
        } else {
            drain(); // a small buffer does not wait for the tick
        }
        if (request.progress && now >= next_progress) {
            request.progress(now - begun);
            next_progress = now + progress_interval;
        }
        request.interrupt->wait_until(std::min(end, next_tick), parts_.events.fd_to_watch());
    }
}

void Window::drain()
{
    const auto age = std::chrono::duration_cast<SocketTable::Age>(Clock::now() - begun_);
    parts_.events.drain([&](const DiagSocket& socket) {
        const Flow* flow = parts_.table.destroyed(socket, SocketTable::Window::open, age);
        if (flow == nullptr) {
            return;
        }
        const Inode inode = flow->inode;
        parts_.holders.closed(inode);
        searches_.erase(inode.value);
        if (closed_ == Closed::summed && parts_.closed.add(*flow, parts_.holders)) {
            parts_.holders.forget(inode);
            parts_.table.forget(flow->cookie);
        }
    });
}

void Window::tick(Clock::time_point now)
{
    drain();
    parts_.holders.confirm(now);
    const auto counters = parts_.counters.read();
    const std::uint64_t opens = counters ? counters->tcp_opens : opens_ + 1; // cannot tell: look
    if (opens != opens_) {
        opens_ = opens;
        unresolved_ = true;
        interval_ = look_interval;
    }
    if (unresolved_ && now >= last_look_ + std::max(interval_, rest_)) {
        const auto used = cpu_time();
        look_for_new();
        last_look_ = now;
        rest_ = Clock::now() - now + idle_share * (cpu_time() - used);
    }
}

/// What stays unresolved (a connection that nobody accepts, a socket of the kernel's) is looked for ever less often.
void Window::look_for_new()
{
    const std::size_t born = parts_.table.born();
    const bool listed = parts_.dumper.tcp_quick([this](const DiagSocket& socket) { parts_.table.during(socket); });
    failed_looks_ += listed ? 0 : 1;
    drain();
    search();
    unresolved_ = parts_.table.has_unaccepted() || !worth_searching().empty();
    interval_ = parts_.table.born() != born ? std::chrono::nanoseconds(look_interval)
                                            : std::min<std::chrono::nanoseconds>(interval_ * 2, longest_interval);
}

/// Everywhere only for what an earlier search did not find and what still lives: on a busy machine there are always a
/// few that are gone by the time they are searched.
void Window::search()
{
    const std::vector<Inode> wanted = worth_searching();
    if (wanted.empty()) {
        return;
    }
    auto reach = HolderMap::Reach::likely;
    for (const Inode inode : wanted) {
        if (++searches_[inode.value] > 1) {
            reach = HolderMap::Reach::everywhere;
        }
    }
    parts_.holders.search(wanted, reach, Clock::now() + longest_search);
}

std::vector<Inode> Window::worth_searching() const
{
    std::vector<Inode> wanted = parts_.holders.unheld(parts_.table.live_inodes());
    std::erase_if(wanted, [this](Inode inode) {
        const auto searches = searches_.find(inode.value);
        return searches != searches_.end() && searches->second >= searches_per_socket;
    });
    return wanted;
}

} // namespace socktally
