// SPDX-License-Identifier: MIT
#include "backend/packet/capture.hpp"

#include "sys/error.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

namespace socktally {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_wait = 200ms; // for the blocks that the kernel is filling

/// Datagrams that were on their way to their reader are read by then.
constexpr auto reading_time = 2ms;

/// A flow may be idle for so long, or, where there are very many, for so much less.
constexpr std::chrono::seconds idle_limit = 60s;
constexpr std::chrono::seconds crowded_limit = 5s;
constexpr std::size_t crowd = 100'000;

FlowSockets::Protocols protocols_of(PacketWatch::Kept kept)
{
    return kept == PacketWatch::Kept::udp ? FlowSockets::Protocols::udp : FlowSockets::Protocols::tcp_and_udp;
}

/// The sockets that moved nothing, for whoever wants to see them too.
std::vector<Flow> silent_flows(const std::vector<ListedSocket>& listed)
{
    std::vector<Flow> flows;
    for (const ListedSocket& socket : listed) {
        if (socket.listening || socket.inode == Inode{}) {
            continue;
        }
        Flow& flow = flows.emplace_back();
        flow.tuple = socket.tuple;
        if (socket.tuple.remote.port == 0) {
            flow.tuple.remote = {};
        }
        flow.cookie = socket.cookie;
        flow.inode = socket.inode;
        flow.uid = socket.uid;
        flow.interface = socket.interface;
        flow.state = socket.state;
        flow.rx_bytes = 0;
        flow.tx_bytes = 0;
        flow.packets = {0, 0, 0, 0};
    }
    return flows;
}

} // namespace

Capture::Place::Place(Inode inode, HolderMap& holders, PacketWatch::Kept kept, FlowSums::Detail detail,
                      std::size_t buffer)
    : netns(inode), watch(kept, buffer), sockets(holders, protocols_of(kept)), sums(detail)
{
}

Capture::Capture(HolderMap& holders, PacketWatch::Kept kept, FlowSums::Detail detail)
    : holders_(holders), kept_(kept), detail_(detail), ready_(::epoll_create1(EPOLL_CLOEXEC))
{
    if (!ready_) {
        throw errno_error("cannot wait for packets");
    }
}

std::size_t Capture::share_of(std::size_t buffer_bytes, std::size_t namespaces)
{
    constexpr std::size_t least = std::size_t{1} << 20;
    return std::min(buffer_bytes, std::max(least, buffer_bytes / std::max<std::size_t>(1, namespaces)));
}

void Capture::add_namespace(Inode netns, std::size_t buffer_bytes)
{
    auto place = std::make_unique<Place>(netns, holders_, kept_, detail_, buffer_bytes);
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(ready_.get(), EPOLL_CTL_ADD, place->watch.fd(), &event) != 0) {
        throw errno_error("cannot wait for packets");
    }
    places_.push_back(std::move(place));
}

void Capture::begin()
{
    for (const auto& place : places_) {
        list(*place, &UdpDelivery::begin);
    }
    for (const auto& place : places_) {
        place->watch.begin();
    }
    begun_ = Clock::now();
}

void Capture::list(Place& place,
                   void (UdpDelivery::*tell)(const std::vector<ListedSocket>&, const std::optional<ProtocolCounters>&))
{
    constexpr int tries = 3;
    for (int i = 0; i < tries; ++i) {
        place.sockets.list();
        (place.delivery.*tell)(place.sockets.listed(), place.counters.read());
        if (!place.delivery.is_queued(place.sockets.listed())) {
            return;
        }
        ::usleep(std::chrono::microseconds(reading_time).count());
    }
}

void Capture::drain()
{
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun_);
    for (const auto& place : places_) {
        FlowTable& flows = place->watch.flows();
        flows.tick(static_cast<std::uint32_t>(age.count()));
        place->watch.drain();
        for (const PacketFlow& flow : flows.take_replaced()) {
            finish(*place, flow);
        }
        place->sockets.add(flows.take_new());
    }
}

std::optional<Capture::Clock::time_point> Capture::next_look() const
{
    std::optional<Clock::time_point> next;
    for (const auto& place : places_) {
        const auto look = place->sockets.next_look();
        next = look && (!next || *look < *next) ? look : next;
    }
    return next ? std::optional(std::max(*next, rested_)) : std::nullopt;
}

/// One namespace at a time, the one that has waited longest first: a look's cost asks for rest from all.
void Capture::look(Clock::time_point now)
{
    Place* due = nullptr;
    for (const auto& place : places_) {
        const auto look = place->sockets.next_look();
        if (look && (due == nullptr || *look < *due->sockets.next_look())) {
            due = place.get();
        }
    }
    if (due != nullptr) {
        due->sockets.look(now);
        rested_ = now + due->sockets.rest();
    }
}

void Capture::retire_idle(Clock::time_point now)
{
    for (const auto& place : places_) {
        place->watch.count_drops();
        FlowTable& flows = place->watch.flows();
        const auto limit = flows.size() > crowd ? crowded_limit : idle_limit;
        if (now - begun_ < limit) {
            continue;
        }
        const auto oldest = std::chrono::duration_cast<std::chrono::seconds>(now - begun_ - limit);
        flows.retire(static_cast<std::uint32_t>(oldest.count()), [&](const PacketFlow& flow) {
            place->sockets.drop(flow);
            finish(*place, flow);
        });
    }
}

/// The filters let nothing more in; what is in the blocks that were not full is handed over in a while.
void Capture::end()
{
    for (const auto& place : places_) {
        place->watch.end();
    }
    const auto deadline = Clock::now() + longest_wait;
    const auto has_more = [](const auto& place) { return place->watch.has_more(); };
    drain();
    while (std::any_of(places_.begin(), places_.end(), has_more) && Clock::now() < deadline) {
        ::usleep(1000);
        drain();
    }
}

void Capture::list_again()
{
    for (const auto& place : places_) {
        list(*place, &UdpDelivery::end);
    }
}

bool Capture::saw_packets() const
{
    return std::any_of(places_.begin(), places_.end(),
                       [](const auto& place) { return place->packets != 0 || place->watch.flows().size() != 0; });
}

/// What only passes through has no socket here, and neither of its ends.
void Capture::finish(Place& place, const PacketFlow& flow)
{
    ++place.packets;
    if (flow.has_socket()) {
        if (holders_.held(flow.found.inode)) {
            place.delivery.add(flow);
        }
        place.sums.add(flow);
    } else if (flow.looped || place.watch.is_local(flow.tuple.local.address)) {
        const bool only_came = flow.tuple.protocol == Protocol::udp && flow.tx.packets == 0;
        if (only_came) {
            place.unclaimed.push_back(flow);
        } else {
            place.sums.add(flow);
        }
    }
}

void Capture::finish(Place& place, std::vector<Flow>& flows)
{
    std::vector<PacketFlow*> left;
    left.reserve(place.watch.flows().size());
    place.watch.flows().each([&](PacketFlow& flow) { left.push_back(&flow); });
    place.sockets.finish(left);
    for (const PacketFlow* flow : left) {
        finish(place, *flow);
    }
    std::uint64_t unclaimed = 0;
    for (const PacketFlow& flow : place.unclaimed) {
        unclaimed += flow.rx.datagrams;
    }
    if (!place.delivery.unwanted(unclaimed)) {
        for (const PacketFlow& flow : place.unclaimed) {
            place.sums.add(flow);
        }
    }
    std::vector<Flow> own = place.sums.take(silent_flows(place.sockets.listed()));
    place.delivery.correct(own);
    for (Flow& flow : own) {
        flow.netns = place.netns;
    }
    flows.insert(flows.end(), own.begin(), own.end());
}

void Capture::finish(std::vector<Flow>& flows)
{
    for (const auto& place : places_) {
        finish(*place, flows);
    }
}

PacketFaults Capture::faults() const
{
    PacketFaults all;
    for (const auto& place : places_) {
        PacketFaults faults = place->watch.faults();
        faults.failed_lists = place->sockets.failed_lists();
        faults.unread_datagrams = place->delivery.unsure();
        socktally::add(all, faults);
    }
    return all;
}

} // namespace socktally
