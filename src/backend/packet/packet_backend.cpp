// SPDX-License-Identifier: MIT
#include "backend/packet/packet_backend.hpp"

#include "backend/interfaces.hpp"
#include "backend/packet/filter.hpp"
#include "backend/packet/flow_sockets.hpp"
#include "backend/packet/flow_sums.hpp"
#include "backend/packet/flow_table.hpp"
#include "backend/packet/links.hpp"
#include "backend/packet/notes.hpp"
#include "backend/packet/ring.hpp"
#include "sys/interrupt.hpp"
#include "sys/netns.hpp"

#include <linux/if_packet.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <system_error>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto progress_interval = 250ms;
constexpr auto longest_wait = 200ms; // for the block that the kernel is filling

/// A flow may be idle for so long, or, where there are very many, for so much less.
constexpr std::chrono::seconds idle_limit = 60s;
constexpr std::chrono::seconds crowded_limit = 5s;
constexpr std::size_t crowd = 100'000;

/// One sample from beginning to end; the members are what its steps hand on.
class Capture {
public:
    Capture(PacketRing& ring, FlowSums::Detail detail) : ring_(ring), sums_(detail) {}
    BackendResult run(const SampleRequest& request);

private:
    void watch(Clock::time_point end, const SampleRequest& request);
    void settle();
    void drain();
    void take(const CapturedFrame& captured);
    std::optional<Sighting> sighting_of(const CapturedFrame& captured);
    void choose_interfaces();
    void learn_addresses();
    void retire_idle(Clock::time_point now);
    void finish(const PacketFlow& flow);
    std::vector<Flow> silent_flows();

    PacketRing& ring_;
    FlowTable table_;
    FlowSockets sockets_;
    FlowSums sums_;
    PacketFaults faults_;
    Watch watch_;
    std::set<std::uint32_t> interfaces_; // those that watch_ was chosen from
    std::set<Address> addresses_;        // of this machine, at any time of the window
    Clock::time_point begun_{};
};

BackendResult Capture::run(const SampleRequest& request)
{
    BackendResult result;
    Sample& sample = result.sample;
    sample.backend = "packet";

    choose_interfaces();
    learn_addresses();
    sockets_.holders().set_look(request.look);
    sockets_.begin();
    const auto interfaces = read_interfaces();
    ring_.start();
    begun_ = Clock::now();
    sample.started_at = std::chrono::system_clock::now();
    watch(begun_ + request.window, request);
    ring_.set_filter(closed_filter());
    sample.duration = Clock::now() - begun_;
    sample.interfaces = interface_deltas(interfaces, read_interfaces());
    settle();
    learn_addresses();

    std::vector<PacketFlow*> flows;
    flows.reserve(table_.size());
    table_.each([&](PacketFlow& flow) { flows.push_back(&flow); });
    sockets_.finish(flows);
    for (const PacketFlow* flow : flows) {
        finish(*flow);
    }

    HolderMap& holders = sockets_.holders();
    faults_.interrupted = request.interrupt->signal() != 0;
    faults_.dropped += ring_.new_drops();
    faults_.unmatched = table_.unmatched_fragments();
    faults_.holes = table_.forgotten_holes();
    faults_.failed_lists = sockets_.failed_lists();
    faults_.unread = holders.failed();
    faults_.other_namespaces = network_namespaces().size() - 1;
    sample.flows = sums_.take(silent_flows());
    const Inode own{netns_inode("/proc/self/ns/net").value_or(0)}; // where each packet was seen
    for (Flow& flow : sample.flows) {
        flow.netns = own;
    }
    sample.holders = holders.take_holders();
    sample.processes = holders.take_processes();
    sample.notes = notes_of(faults_);
    result.viewer = {Uid{::geteuid()}, holders.denied() > 0 || ::geteuid() != 0};
    return result;
}

void Capture::watch(Clock::time_point end, const SampleRequest& request)
{
    auto next_progress = begun_;
    for (auto now = begun_; now < end && request.interrupt->signal() == 0; now = Clock::now()) {
        drain();
        const auto next_look = sockets_.next_look();
        if (next_look && now >= *next_look) {
            sockets_.look(now);
        }
        if (now >= next_progress) {
            request.tell(now - begun_);
            faults_.dropped += ring_.new_drops(); // a number of 32 bits
            retire_idle(now);
            next_progress = now + progress_interval;
        }
        request.interrupt->wait_until(std::min({end, next_progress, next_look.value_or(end)}), ring_.fd());
    }
}

/// The filter lets nothing more in; what is in the block that was not full is handed over in a while.
void Capture::settle()
{
    const auto deadline = Clock::now() + longest_wait;
    drain();
    while (ring_.has_more() && Clock::now() < deadline) {
        ::usleep(1000);
        drain();
    }
    faults_.late = ring_.has_more();
}

void Capture::drain()
{
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun_);
    table_.tick(static_cast<std::uint32_t>(age.count()));
    ring_.drain([this](const CapturedFrame& captured) { take(captured); });
    for (const PacketFlow& flow : table_.take_replaced()) {
        finish(flow);
    }
    sockets_.add(table_.take_new());
}

void Capture::take(const CapturedFrame& captured)
{
    const auto sighting = sighting_of(captured);
    if (!sighting) {
        return;
    }
    Packet packet;
    switch (parse_frame(captured.frame, packet)) {
    case Verdict::packet: table_.add(packet, *sighting, captured.interface); break;
    case Verdict::malformed: ++faults_.malformed; break;
    case Verdict::cut: ++faults_.cut; break;
    case Verdict::other: break;
    }
}

/// Null for what another interface shows as well, and for what is on its way between two others.
std::optional<Sighting> Capture::sighting_of(const CapturedFrame& captured)
{
    if (!interfaces_.contains(captured.interface)) {
        choose_interfaces(); // it is new
        learn_addresses();
        interfaces_.insert(captured.interface); // even where it is gone again
    }
    if (std::binary_search(watch_.skipped.begin(), watch_.skipped.end(), captured.interface)) {
        return std::nullopt;
    }
    if (captured.loopback) {
        return captured.type == PACKET_OUTGOING ? std::nullopt : std::optional(Sighting::looped);
    }
    return captured.type == PACKET_OUTGOING ? Sighting::sent : Sighting::received;
}

void Capture::choose_interfaces()
{
    try {
        const std::vector<Link> links = read_links();
        watch_ = choose_links(links);
        for (const Link& link : links) {
            interfaces_.insert(link.index);
        }
    } catch (const std::system_error&) {
        ++faults_.failed_links;
    }
    ring_.set_filter(packet_filter({watch_.skipped, watch_.other_hosts}));
}

void Capture::learn_addresses()
{
    try {
        for (const Address& address : read_addresses()) {
            addresses_.insert(address);
        }
    } catch (const std::system_error&) {
        ++faults_.failed_links;
    }
}

void Capture::retire_idle(Clock::time_point now)
{
    const auto limit = table_.size() > crowd ? crowded_limit : idle_limit;
    if (now - begun_ < limit) {
        return;
    }
    const auto oldest = std::chrono::duration_cast<std::chrono::seconds>(now - begun_ - limit);
    table_.retire(static_cast<std::uint32_t>(oldest.count()), [this](const PacketFlow& flow) {
        sockets_.drop(flow);
        finish(flow);
    });
}

/// What only passes through has no socket here, and neither of its ends.
void Capture::finish(const PacketFlow& flow)
{
    const Address& local = flow.tuple.local.address;
    const bool is_ours = flow.looped || flow.has_socket() || local.is_loopback() || addresses_.contains(local);
    if (is_ours) {
        sums_.add(flow);
    }
}

/// The sockets that moved nothing, for whoever wants to see them too.
std::vector<Flow> Capture::silent_flows()
{
    std::vector<Flow> flows;
    for (const ListedSocket& socket : sockets_.listed()) {
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

class PacketBackend final : public Backend {
public:
    explicit PacketBackend(const BackendOptions& options)
        : ring_(options.capture_buffer), detail_(options.tuples ? FlowSums::Detail::tuples : FlowSums::Detail::sockets)
    {
    }
    BackendResult sample(const SampleRequest& request) override { return Capture(ring_, detail_).run(request); }
    std::vector<Note> limits() const override { return packet_limits(); }

private:
    PacketRing ring_;
    FlowSums::Detail detail_;
};

} // namespace

OpenResult open_packet(const BackendOptions& options)
{
    if (options.totals) {
        return Unavailable{"it counts packets as they come, so it has no totals from before", "give a window: -d 1s"};
    }
    if (::access("/proc/self/stat", R_OK) != 0) {
        return Unavailable{"/proc is not there to find the owners of sockets in", "mount -t proc proc /proc"};
    }
    try {
        return std::make_unique<PacketBackend>(options);
    } catch (const std::system_error& failure) {
        return packet_refusal(failure.code().value());
    }
}

} // namespace socktally
