// SPDX-License-Identifier: MIT
#include "backend/packet/packet_backend.hpp"

#include "backend/interfaces.hpp"
#include "backend/namespaces.hpp"
#include "backend/packet/capture.hpp"
#include "backend/packet/notes.hpp"
#include "sys/interrupt.hpp"

#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto progress_interval = 250ms;

class PacketBackend final : public Backend {
public:
    /// Whether it works is known once there is a ring: that of our own namespace, or else a small one to see.
    explicit PacketBackend(const BackendOptions& options) : options_(options)
    {
        const Inode own = own_namespace();
        if (is_wanted(own, options.namespaces)) {
            capture_.add_namespace(own, options.capture_buffer);
        } else {
            const PacketRing probe(1);
        }
    }
    BackendResult sample(const SampleRequest& request) override;
    std::vector<Note> limits() const override { return packet_limits(); }

private:
    void watch(Clock::time_point end, const SampleRequest& request);

    BackendOptions options_;
    HolderMap holders_;
    Capture capture_{holders_, PacketWatch::Kept::tcp_and_udp,
                     options_.tuples ? FlowSums::Detail::tuples : FlowSums::Detail::sockets, options_.interfaces};
};

BackendResult PacketBackend::sample(const SampleRequest& request)
{
    BackendResult result;
    Sample& sample = result.sample;
    sample.backend = "packet";

    holders_.set_look(request.look);
    holders_.scan();
    std::vector<NetworkNamespace> others = other_namespaces(options_.namespaces, holders_.open_namespaces());
    if (!options_.interfaces.empty()) {
        others.clear(); // those are of our own
    }
    const std::size_t share = Capture::share_of(options_.capture_buffer, others.size());
    const std::size_t refused =
        enter_each(others, Capture::files_per_namespace, [&](Inode netns) { capture_.add_namespace(netns, share); });
    const auto interfaces = read_interfaces();
    capture_.begin();
    const auto begun = Clock::now();
    sample.started_at = std::chrono::system_clock::now();
    watch(begun + request.window, request);
    capture_.end();
    sample.duration = Clock::now() - begun;
    sample.interfaces = interface_deltas(interfaces, read_interfaces());
    capture_.list_again();
    holders_.rescan();
    capture_.finish(sample.flows);

    PacketFaults faults = capture_.faults();
    faults.interrupted = request.interrupt->signal() != 0;
    faults.unread = holders_.failed();
    sample.notes = notes_of(faults);
    add_refused_namespaces(sample, refused);
    sample.holders = holders_.take_holders();
    sample.processes = holders_.take_processes();
    result.viewer = {Uid{::geteuid()}, holders_.denied() > 0 || ::geteuid() != 0};
    return result;
}

void PacketBackend::watch(Clock::time_point end, const SampleRequest& request)
{
    const auto begun = Clock::now();
    auto next_progress = begun;
    for (auto now = begun; now < end && request.interrupt->signal() == 0; now = Clock::now()) {
        capture_.drain();
        const auto next_look = capture_.next_look();
        if (next_look && now >= *next_look) {
            capture_.look(now);
        }
        if (now >= next_progress) {
            request.tell(now - begun);
            capture_.retire_idle(now);
            next_progress = now + progress_interval;
        }
        request.interrupt->wait_until(std::min({end, next_progress, next_look.value_or(end)}), capture_.fd());
    }
}

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
