// SPDX-License-Identifier: MIT
#include "traffic/netlink/window.hpp"

#include "linux/clocks.hpp"
#include "linux/interrupt.hpp"

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

/// A tick reads a file of /proc for a network namespace, some twenty microseconds, to learn whether a connection was
/// opened: for each of those where one lately was, and for a few of the others in turn. So many busy namespaces have
/// rarer ticks, which take no more than a quarter of the time, and so many idle ones cost next to nothing.
constexpr auto tick_interval = 10ms;
constexpr std::size_t idle_places_a_tick = 32;
constexpr auto busy_time = 1s;

/// Looking costs a walk of the kernel's hash and of some processes. Not more often than this, and never more than a
/// quarter of the time; 50 ms of life are then enough to be seen on a machine where a look takes up to 8 ms.
constexpr auto look_interval = 20ms;
constexpr int idle_share = 3;
constexpr auto longest_interval = 500ms;
constexpr auto longest_search = 50ms;

constexpr auto progress_interval = 250ms;

} // namespace

void Window::set_places(const NamespaceWatches& watches)
{
    std::vector<Place> places;
    for (const auto& watch : watches) {
        const auto known = std::find_if(places_.begin(), places_.end(),
                                        [&](const Place& place) { return place.watch == watch.get(); });
        places.push_back(known != places_.end() ? *known : Place{watch.get()});
        places.back().unresolved = places.back().unresolved || is_unresolved(places.back());
    }
    places_ = std::move(places);
    forget_searches();
}

/// Of sockets that are closed by now.
void Window::forget_searches()
{
    if (searches_.is_empty()) {
        return;
    }
    std::vector<Inode> live;
    for (const Place& place : places_) {
        const std::vector<Inode> inodes = place.watch->table().live_inodes();
        live.insert(live.end(), inodes.begin(), inodes.end());
    }
    searches_.keep(live);
}

void Window::watch(Clock::time_point end, const SampleRequest& request, const std::function<void()>& now_and_then)
{
    const auto begun = Clock::now();
    auto next_progress = begun;
    next_tick_ = begun;
    const int fd = places_.front().watch->fd_to_watch();
    for (auto now = begun; now < end && !request.interrupt->ends_window(); now = Clock::now()) {
        if (now >= next_progress) {
            request.tell(now - begun);
            now_and_then();
            datagrams_.retire_idle(now);
            next_progress = now + progress_interval;
        }
        if (now >= next_tick_) {
            tick(now);
        } else {
            drain_all(); // a small buffer does not wait for the tick
        }
        take_datagrams(now);
        const auto next = datagrams_.is_empty() ? next_tick_ : std::min(next_tick_, Clock::now() + tick_interval);
        request.interrupt->wait_until(std::min(end, next), fd);
    }
}

void Window::drain(Place& place)
{
    place.watch->drain(SocketTable::Window::open, [&](const Flow& flow) {
        const Inode inode = flow.inode;
        holders_.closed(inode);
        searches_.forget(inode);
        if (what_ == Closed::summed && closed_.add(flow, place.watch->netns(), holders_)) {
            holders_.forget(inode);
            place.watch->forget(flow.cookie);
        }
    });
}

void Window::drain_all()
{
    for (Place& place : places_) {
        drain(place);
    }
}

/// Not as part of a tick, whose cost asks for rest: the ring has room for a few ticks only.
void Window::take_datagrams(Clock::time_point now)
{
    datagrams_.drain();
    const auto look = datagrams_.next_look();
    if (look && now >= *look) {
        datagrams_.look(now);
    }
}

void Window::check_for_connections(Clock::time_point now)
{
    const auto check = [now](Place& place) {
        if (place.watch->has_new_connections()) {
            place.unresolved = true;
            place.interval = look_interval;
            place.busy_until = now + busy_time;
        }
    };
    for (Place& place : places_) {
        if (now < place.busy_until) {
            check(place);
        }
    }
    for (std::size_t i = 0; i < std::min(idle_places_a_tick, places_.size()); ++i) {
        Place& place = places_[next_idle_++ % places_.size()];
        if (now >= place.busy_until) {
            check(place);
        }
    }
}

void Window::tick(Clock::time_point now)
{
    const auto used = thread_cpu_time();
    drain_all();
    look_again(holders_.confirm(now));
    check_for_connections(now);
    next_tick_ = now + std::max<std::chrono::nanoseconds>(tick_interval, (idle_share + 1) * (thread_cpu_time() - used));
    if (now >= rested_) {
        look(now);
    }
    trace_owners(); // its cost asks for no rest
    datagrams_.trace_owners();
}

/// Dumps the sockets again if some of these inodes are in no table: a connection that was accepted since the last dump
/// has no inode there, though its holder was seen, and would pass for one that is closed.
void Window::show_accepted(const std::vector<Inode>& inodes)
{
    std::size_t known = 0;
    for (const Place& place : places_) {
        known += place.watch->table().live(inodes).size();
    }
    for (Place& place : places_) {
        if (known < inodes.size() && place.watch->table().has_unaccepted()) {
            place.watch->look();
        }
    }
}

/// Those that are open, soon: who has them now may be over before long.
void Window::look_again(const std::vector<Inode>& missed)
{
    if (missed.empty()) {
        return;
    }
    for (const Inode inode : missed) {
        holders_.trace()("missed: socket:[{}] is not where it was", inode.value);
    }
    datagrams_.look_again(missed);
    show_accepted(missed);
    for (Place& place : places_) {
        for (const Inode inode : place.watch->still_open(missed)) {
            holders_.handed_on(inode);
            searches_.forget(inode);
            place.unresolved = true;
            place.interval = look_interval;
        }
    }
}

bool Window::is_due(const Place& place, Clock::time_point now) const
{
    return place.unresolved && now >= place.last_look + place.interval;
}

/// What stays unresolved (a connection that nobody accepts, a socket of the kernel's) is looked for ever less often.
void Window::look(Clock::time_point now)
{
    const auto used = thread_cpu_time();
    std::vector<Inode> wanted;
    std::vector<Place*> looked;
    for (Place& place : places_) {
        if (!is_due(place, now)) {
            continue;
        }
        const std::size_t born = place.watch->table().born();
        place.watch->look();
        holders_.look_at_groups(place.watch->table().flows());
        drain(place);
        place.last_look = now;
        place.interval =
            place.watch->table().born() != born
                ? std::chrono::nanoseconds(look_interval)
                : std::min<std::chrono::nanoseconds>(
                      std::max<std::chrono::nanoseconds>(place.interval, look_interval) * 2, longest_interval);
        const std::vector<Inode> found = worth_searching(place.watch->table().live_inodes());
        wanted.insert(wanted.end(), found.begin(), found.end());
        looked.push_back(&place);
    }
    if (looked.empty()) {
        return;
    }
    searches_.search(holders_, wanted, Clock::now() + longest_search);
    for (Place* place : looked) {
        place->unresolved = is_unresolved(*place);
    }
    rested_ = Clock::now() + idle_share * (thread_cpu_time() - used);
}

void Window::trace_owners() const
{
    if (!holders_.trace()) {
        return;
    }
    for (const Place& place : places_) {
        for (const auto* flows : {&place.watch->table().flows(), &place.watch->udp_flows()}) {
            for (const Flow& flow : *flows) {
                holders_.trace_owners(flow.cookie, flow.inode);
            }
        }
    }
}

/// Between the scan and the first dump, too, sockets may have been opened.
bool Window::is_unresolved(const Place& place) const
{
    return place.watch->table().has_unaccepted() || !worth_searching(place.watch->table().live_inodes()).empty();
}

std::vector<Inode> Window::worth_searching(std::vector<Inode> sockets) const
{
    std::vector<Inode> wanted = holders_.unheld(std::move(sockets));
    std::erase_if(wanted, [this](Inode inode) { return searches_.is_given_up(inode); });
    return wanted;
}

} // namespace socktally
