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

} // namespace

Capture::Place::Place(Inode inode, HolderMap& holders, PacketWatch::Kept kept, FlowSums::Detail detail,
                      std::size_t buffer, const std::vector<std::uint32_t>& interfaces)
    : netns(inode), watch(kept, buffer, interfaces), sockets(holders, protocols_of(kept)), sums(detail)
{
}

Capture::Capture(HolderMap& holders, PacketWatch::Kept kept, FlowSums::Detail detail,
                 std::vector<std::uint32_t> interfaces)
    : holders_(holders), kept_(kept), detail_(detail), interfaces_(std::move(interfaces)),
      ready_(::epoll_create1(EPOLL_CLOEXEC))
{
    if (!ready_) {
        throw errno_error("cannot wait for packets");
    }
    std::sort(interfaces_.begin(), interfaces_.end());
}

std::size_t Capture::share_of(std::size_t buffer_bytes, std::size_t namespaces)
{
    constexpr std::size_t least = std::size_t{1} << 20;
    return std::min(buffer_bytes, std::max(least, buffer_bytes / std::max<std::size_t>(1, namespaces)));
}

void Capture::add_namespace(Inode netns, std::size_t buffer_bytes, OtherNamespaces::Arrival arrival)
{
    auto place = std::make_unique<Place>(netns, holders_, kept_, detail_, buffer_bytes, interfaces_);
    place->arrival = arrival;
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(ready_.get(), EPOLL_CTL_ADD, place->watch.fd(), &event) != 0) {
        throw errno_error("cannot wait for packets");
    }
    places_.push_back(std::move(place));
}

void Capture::drop_namespace(Inode netns)
{
    std::erase_if(places_, [=](const auto& place) { return place->netns == netns; });
}

bool Capture::has_sockets(Inode netns) const
{
    return std::any_of(places_.begin(), places_.end(),
                       [=](const auto& place) { return place->netns == netns && !place->sockets.listed().empty(); });
}

/// Anything since the namespace was made.
bool Capture::has_moved(Place& place) const
{
    const auto counters = place.counters.read();
    return !counters || counters->udp_datagrams != 0 ||
           (kept_ == PacketWatch::Kept::tcp_and_udp && counters->tcp_opens != 0);
}

void Capture::begin()
{
    std::vector<Place*> fresh;
    for (const auto& place : places_) {
        if (!place->has_begun) {
            list(*place, &UdpDelivery::begin);
            place->sockets.begin_window();
            fresh.push_back(place.get());
        }
    }
    for (Place* place : fresh) {
        place->watch.begin();
        place->has_begun = true;
        place->begun_late = place->arrival == OtherNamespaces::Arrival::is_new && has_moved(*place);
    }
    begun_ = begun_ == Clock::time_point{} ? Clock::now() : begun_;
}

void Capture::next_window()
{
    for (const auto& place : places_) {
        place->watch.next_window();
        place->sockets.begin_window();
        place->delivery.next_window();
        place->unclaimed.clear();
        place->begun_late = false;
        place->ended_unread = 0;
        place->unsent_unknown = 0;
    }
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
        add_new_flows(*place);
    }
}

void Capture::add_new_flows(Place& place)
{
    FlowTable& flows = place.watch.flows();
    for (PacketFlow& flow : flows.take_replaced()) {
        finish(place, flow, nullptr);
    }
    const std::vector<PacketFlow*> fresh = flows.take_new();
    for (PacketFlow* flow : fresh) {
        if (const auto carried = place.carried.find(flow->tuple); carried != place.carried.end()) {
            flow->rx.carried = carried->second.rx;
            flow->tx.carried = carried->second.tx;
            place.carried.erase(carried);
        }
    }
    place.sockets.add(fresh);
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
        flows.retire(static_cast<std::uint32_t>(oldest.count()), [&](PacketFlow& flow) {
            place->sockets.drop(flow);
            finish(*place, flow, nullptr);
        });
    }
}

/// Packets go on coming. What is in the blocks that are not full is handed over in a while.
void Capture::end(std::chrono::system_clock::time_point instant)
{
    if (places_.empty()) {
        return;
    }
    const auto deadline = Clock::now() + longest_wait;
    std::vector<Place*> waiting;
    for (const auto& place : places_) {
        place->delivery.end_packets(place->counters.read());
        waiting.push_back(place.get());
    }
    while (true) {
        const bool is_late = Clock::now() >= deadline;
        std::erase_if(waiting, [&](Place* place) {
            const bool complete = place->watch.drain_until(instant.time_since_epoch());
            add_new_flows(*place);
            if (complete || is_late) {
                place->watch.end(complete);
            }
            return complete || is_late;
        });
        if (waiting.empty()) {
            return;
        }
        ::usleep(1000);
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
    return std::any_of(places_.begin(), places_.end(), [](const auto& place) { return place->watch.saw_packets(); });
}

/// What was on the wire becomes what the process wrote and read.
void Capture::correct(Place& place, PacketFlow& flow, const ListedSocket* last)
{
    if (flow.tuple.protocol == Protocol::tcp) {
        const TcpWindow window = tcp_in_window(flow, place.sockets.first(flow.tuple), last);
        flow.rx.payload_bytes = window.rx_bytes;
        flow.tx.payload_bytes = window.tx_bytes;
        flow.rx.carried = window.rx_carried;
        flow.tx.carried = window.tx_carried;
        place.ended_unread += window.ended_unread ? 1 : 0;
        place.unsent_unknown += window.unsent_unknown ? 1 : 0;
    }
}

/// What only passes through has no socket here, and neither of its ends.
void Capture::finish(Place& place, PacketFlow& flow, const ListedSocket* last)
{
    const bool is_ours = flow.has_socket() || flow.looped || place.watch.is_local(flow.tuple.local.address);
    if (is_ours) {
        correct(place, flow, last);
    }
    if (flow.is_silent()) {
        return;
    }
    if (flow.has_socket()) {
        if (holders_.held(flow.found.inode)) {
            place.delivery.add(flow);
        }
        place.sums.add(flow);
    } else if (is_ours) {
        const bool only_came = flow.tuple.protocol == Protocol::udp && flow.tx.packets == 0;
        if (only_came) {
            place.unclaimed.push_back(flow);
        } else {
            place.sums.add(flow);
        }
    }
}

/// The sockets without packets, for whoever wants to see them too, and for what was read that had come before the
/// window; but none of it where packets may have passed an interface that was not asked for.
std::vector<Flow> Capture::silent_flows(Place& place) const
{
    place.carried.clear();
    std::vector<Flow> flows;
    for (const ListedSocket& socket : place.sockets.listed()) {
        if (socket.listening || socket.inode == Inode{}) {
            continue;
        }
        Flow& flow = flows.emplace_back(flow_of(socket));
        const bool is_tcp = socket.tuple.protocol == Protocol::tcp && interfaces_.empty();
        const ListedSocket* first = is_tcp ? place.sockets.first(socket.tuple) : nullptr;
        const TcpWindow window = is_tcp ? tcp_in_window(PacketFlow{}, first, &socket) : TcpWindow{};
        flow.rx_bytes = window.rx_bytes;
        flow.tx_bytes = window.tx_bytes;
        flow.packets = {0, 0, 0, 0};
        if (is_tcp && !place.watch.flows().has(socket.tuple)) {
            carry(place, socket, window);
        }
    }
    return flows;
}

/// The queues are part of the next window's lists.
void Capture::carry(Place& place, const ListedSocket& last, const TcpWindow& window) const
{
    const Carried carried{window.rx_carried - std::int64_t{last.queued},
                          window.tx_carried + std::int64_t{last.unsent.value_or(0)}};
    if (carried.rx != 0 || carried.tx != 0) {
        place.carried.emplace(last.tuple, carried);
    }
}

void Capture::finish(Place& place, std::vector<Flow>& flows)
{
    std::vector<PacketFlow*> left;
    left.reserve(place.watch.flows().size());
    place.watch.flows().each([&](PacketFlow& flow) { left.push_back(&flow); });
    place.sockets.finish(left);
    for (PacketFlow* flow : left) {
        const bool is_tcp = flow->tuple.protocol == Protocol::tcp;
        const ListedSocket* last = is_tcp ? place.sockets.last(flow->tuple) : nullptr;
        finish(place, *flow, last);
        flow->is_over = is_tcp && last == nullptr;
        if (last != nullptr && place.watch.dropped_packets()) { // else they were missing in the next window as well
            flow->rx.carried = std::int64_t{last->queued};
            flow->tx.carried = -std::int64_t{last->unsent.value_or(0)};
        }
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
    std::vector<Flow> own = place.sums.take(silent_flows(place));
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
        faults.ended_unread = place->ended_unread;
        faults.unsent_unknown = place->unsent_unknown;
        faults.unread_datagrams = place->delivery.unsure();
        faults.begun_late = place->begun_late ? 1 : 0;
        socktally::add(all, faults);
    }
    return all;
}

} // namespace socktally
