// SPDX-License-Identifier: MIT
#include "traffic/packet/capture.hpp"

#include "linux/error.hpp"
#include "linux/netns.hpp"
#include "traffic/namespaces.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_wait_for_blocks = 200ms; // the blocks that the kernel is still filling
constexpr auto drain_interval = 5ms;

} // namespace

Capture::Capture(OwnerScanner& holders, CaptureWants wants)
    : owners_(holders), wants_(std::move(wants)), ready_(::epoll_create1(EPOLL_CLOEXEC))
{
    if (!ready_) {
        throw errno_error("cannot wait for packets");
    }
    std::sort(wants_.interfaces.begin(), wants_.interfaces.end());
}

std::size_t Capture::share_of(std::size_t buffer_bytes, std::size_t namespaces)
{
    constexpr std::size_t least = std::size_t{256} << 10;
    /// The usual size of all buffers together, except that of our own namespace. Larger buffers would cost time,
    /// because the kernel must zero them.
    constexpr std::size_t usual = std::size_t{16} << 20;
    const std::size_t share = std::max(buffer_bytes, usual) / std::max<std::size_t>(1, namespaces);
    return std::min(buffer_bytes, std::max(least, share));
}

Capture::~Capture()
{
    try {
        in_threads(waiting_threads, places_.size(), [this](std::size_t i) { places_[i].reset(); });
    } catch (const std::exception&) {
        // No thread can be started. The destructor of places_ destroys the captures one by one.
        return;
    }
}

void Capture::add_namespace(Inode netns, std::size_t buffer_bytes, Arrival arrival)
{
    auto place = std::make_unique<NamespaceCapture>(netns, owners_, wants_, buffer_bytes, arrival);
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(ready_.get(), EPOLL_CTL_ADD, place->fd(), &event) != 0) {
        throw errno_error("cannot wait for packets");
    }
    const std::lock_guard lock(adding_);
    places_.push_back(std::move(place));
}

void Capture::drop_namespace(Inode netns)
{
    const std::lock_guard lock(adding_);
    std::erase_if(places_, [=](const auto& place) { return place->netns() == netns; });
}

bool Capture::leave(Inode netns)
{
    const bool is_needed = std::any_of(places_.begin(), places_.end(), [=](const auto& place) {
        return place->netns() == netns && place->is_needed();
    });
    if (!is_needed) {
        drop_namespace(netns);
    }
    return !is_needed;
}

void Capture::begin()
{
    for (const auto& place : places_) {
        if (!place->has_begun()) {
            place->begin(is_first_ ? NamespaceCapture::When::first_window : NamespaceCapture::When::later);
        }
    }
    begun_ = is_first_ ? Clock::now() : begun_;
}

void Capture::drain_now_and_then()
{
    if (!is_empty() && Clock::now() >= drained_ + drain_interval) {
        drain();
    }
}

void Capture::drain()
{
    drained_ = Clock::now();
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(drained_ - begun_);
    for (const auto& place : places_) {
        place->drain(age);
    }
}

std::optional<Capture::Clock::time_point> Capture::next_search() const
{
    std::optional<Clock::time_point> next;
    for (const auto& place : places_) {
        const auto time = place->sockets().next_search();
        next = time && (!next || *time < *next) ? time : next;
    }
    return next ? std::optional(std::max(*next, rested_)) : std::nullopt;
}

/// Searches in one namespace only: the one whose search has been due for longest. The pause after the search applies to
/// all namespaces.
void Capture::search(Clock::time_point now)
{
    FlowSockets* due = nullptr;
    for (const auto& place : places_) {
        const auto time = place->sockets().next_search();
        if (time && (due == nullptr || *time < *due->next_search())) {
            due = &place->sockets();
        }
    }
    if (due != nullptr) {
        due->search(now);
        rested_ = due->rested();
    }
}

void Capture::search_again(const std::vector<Inode>& missed)
{
    if (missed.empty()) {
        return;
    }
    for (const auto& place : places_) {
        place->sockets().search_again(missed);
    }
}

void Capture::trace_owners() const
{
    for (const auto& place : places_) {
        place->sockets().trace_owners();
    }
}

std::vector<std::uint16_t> Capture::tunnel_ports() const
{
    std::vector<std::uint16_t> ports;
    for (const auto& place : places_) {
        ports.insert(ports.end(), place->tunnel_ports().begin(), place->tunnel_ports().end());
    }
    return ports;
}

void Capture::retire_idle(Clock::time_point now)
{
    const auto tunnels = tunnel_ports();
    for (const auto& place : places_) {
        place->retire_idle(now - begun_, tunnels);
    }
}

void Capture::end()
{
    for (const auto& place : places_) {
        place->end();
        drain_now_and_then(); // so that no ring overflows while the sockets are listed
    }
}

/// Waits for the packets in blocks that are not full. The kernel hands over such a block after some milliseconds.
void Capture::await_packets()
{
    const auto deadline = Clock::now() + longest_wait_for_blocks;
    std::vector<NamespaceCapture*> waiting;
    for (const auto& place : places_) {
        waiting.push_back(place.get());
    }
    while (!waiting.empty()) {
        const bool is_late = Clock::now() >= deadline;
        std::erase_if(waiting, [&](NamespaceCapture* place) {
            const bool complete = place->drain_to_end();
            if (complete || is_late) {
                place->close(complete);
            }
            return complete || is_late;
        });
        if (!waiting.empty()) {
            ::usleep(1000);
        }
    }
}

void Capture::add_listed(std::vector<Inode>& inodes) const
{
    for (const auto& place : places_) {
        for (const Socket& socket : place->sockets().listed()) {
            inodes.push_back(socket.inode);
        }
    }
}

void Capture::add_to(Listeners& listeners) const
{
    for (const auto& place : places_) {
        std::map<Inode, int> lists; // of the two lists that a listener is in
        const std::array both{&place->sockets().first_listed(), &place->sockets().listed()};
        for (const auto* list : both) {
            for (const Socket& socket : *list) {
                lists[socket.inode] += is_listener(socket) ? 1 : 0;
            }
        }
        for (const auto* list : both) {
            for (const Socket& socket : *list) {
                if (is_listener(socket)) { // another one may have listened between those that are in one list only
                    listeners[{place->netns(), socket.tuple.local.port}].push_back(
                        {socket.tuple.local.address, lists[socket.inode] == 2 ? socket.inode : Inode{}});
                }
            }
        }
    }
}

bool Capture::saw_packets() const
{
    return std::any_of(places_.begin(), places_.end(), [](const auto& place) { return place->saw_packets(); });
}

void Capture::finish(std::vector<Flow>& flows)
{
    const auto tunnels = tunnel_ports();
    for (const auto& place : places_) {
        place->finish(flows, tunnels);
    }
}

void Capture::finish_lookups(Sample& sample, DnsLookups::Rest rest)
{
    for (const auto& place : places_) {
        place->finish_lookups(sample, rest);
    }
}

Faults Capture::faults() const
{
    Faults all;
    for (const auto& place : places_) {
        all += place->faults();
    }
    return all;
}

UncountedTraffic Capture::uncounted() const
{
    UncountedTraffic all;
    for (const auto& place : places_) {
        all |= place->uncounted();
    }
    return all;
}

void Capture::next_window()
{
    is_first_ = false;
    for (const auto& place : places_) {
        place->next_window();
    }
}

} // namespace socktally
