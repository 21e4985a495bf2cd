// SPDX-License-Identifier: MIT
#include "traffic/packet/packet_backend.hpp"

#include "linux/clocks.hpp"
#include "linux/interrupt.hpp"
#include "owners/unlisted_sockets.hpp"
#include "traffic/interfaces.hpp"
#include "traffic/namespaces.hpp"
#include "traffic/packet/capture.hpp"
#include "traffic/packet/notes.hpp"
#include "traffic/wait.hpp"
#include "traffic/window_clock.hpp"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto tell_interval = 250ms;
constexpr auto namespaces_interval = 250ms;
constexpr int look_rest_share = 3; // of the time, after a look at the holders that were found

class PacketBackend final : public Backend {
public:
    /// Whether it works is known once there is a ring: that of our own namespace, or else a small one to see.
    explicit PacketBackend(const BackendOptions& options)
        : options_(options), holders_("/proc", HolderMap::Source::cheapest, options.trace)
    {
        const Inode own = own_namespace();
        if (is_wanted(own, options.namespaces)) {
            capture_.add_namespace(own, options.capture_buffer);
        } else {
            const PacketRing probe(1);
        }
        holders_.set_meanwhile([this] { capture_.drain_now_and_then(); });
    }
    BackendResult sample(const SampleRequest& request) override;
    std::vector<Note> limits() const override { return packet_limits(); }

private:
    void open();
    void resume();
    void update_namespaces(OtherNamespaces::When when);
    void take_in_new(Clock::time_point now, std::chrono::nanoseconds interval);
    bool is_listed(Inode netns) const;
    std::vector<UnlistedSockets::Found> find_unlisted();
    std::size_t enter_unlisted();
    void watch(Clock::time_point end, const SampleRequest& request);

    BackendOptions options_;
    HolderMap holders_;
    Capture capture_{holders_, PacketWatch::Kept::tcp_and_udp,
                     options_.tuples ? FlowSums::Detail::tuples : FlowSums::Detail::sockets, options_.interfaces};
    OtherNamespaces others_{options_.namespaces};
    UnlistedSockets unlisted_;
    WindowClock clock_;
    std::vector<InterfaceTraffic> interfaces_; // when the window began
};

void PacketBackend::open()
{
    holders_.scan();
    update_namespaces(OtherNamespaces::When::window_begins);
    interfaces_ = read_interfaces();
    capture_.begin();
    while (enter_unlisted() > 0) {
        capture_.begin();
    }
}

void PacketBackend::update_namespaces(OtherNamespaces::When when)
{
    if (!options_.interfaces.empty()) {
        return; // those are of our own
    }
    others_.find(when == OtherNamespaces::When::window_begins ? holders_.processes() : holders_.processes_now(), when);
    if (when == OtherNamespaces::When::window_begins) { // the packets of the other namespaces have been handed over
        others_.leave([this](Inode netns) {
            const bool is_over = !capture_.is_needed(netns) && !unlisted_.has(netns);
            if (is_over) {
                capture_.drop_namespace(netns);
            }
            return is_over;
        });
    }
    const std::size_t share = Capture::share_of(options_.capture_buffer, others_.size());
    others_.enter(Capture::files_per_namespace, [&](Inode netns, OtherNamespaces::Arrival arrival) {
        capture_.add_namespace(netns, share, arrival);
    });
}

/// Enters namespaces that were created since the window began.
void PacketBackend::take_in_new(Clock::time_point now, std::chrono::nanoseconds interval)
{
    if (others_.is_due(now, interval)) {
        update_namespaces(OtherNamespaces::When::window_is_open);
        capture_.begin();
    }
}

bool PacketBackend::is_listed(Inode netns) const
{
    return netns == own_namespace() || others_.has_entered(netns) || !is_wanted(netns, options_.namespaces);
}

std::vector<UnlistedSockets::Found> PacketBackend::find_unlisted()
{
    std::vector<Inode> listed;
    capture_.add_listed(listed);
    return unlisted_.find(holders_, std::move(listed), [this](Inode netns) { return is_listed(netns); });
}

/// Enters the namespaces that only sockets lead to; call it when sockets were listed in the others. Returns how many.
std::size_t PacketBackend::enter_unlisted()
{
    if (!options_.interfaces.empty()) {
        return 0;
    }
    const auto found = find_unlisted();
    std::vector<NetworkNamespace> spaces;
    std::transform(found.begin(), found.end(), std::back_inserter(spaces), [](const auto& each) { return each.space; });
    const std::size_t share = Capture::share_of(options_.capture_buffer, others_.size() + spaces.size());
    return others_.enter_found(spaces, Capture::files_per_namespace,
                               [&](Inode netns, OtherNamespaces::Arrival) { capture_.add_namespace(netns, share); });
}

/// The last window's end is the beginning of this one.
void PacketBackend::resume()
{
    holders_.next_window();
    capture_.next_window();
    update_namespaces(OtherNamespaces::When::window_begins);
    capture_.begin();
    if (enter_unlisted() > 0) {
        capture_.begin();
    }
}

BackendResult PacketBackend::sample(const SampleRequest& request)
{
    BackendResult result;
    Sample& sample = result.sample;
    sample.backend = "packet";

    holders_.set_look(request.look);
    holders_.set_group_look(request.group_look);
    if (clock_.is_first()) {
        open();
    } else {
        resume();
    }
    watch(clock_.begin(request.window), request);
    take_in_new(Clock::now(), 0ns);
    if (options_.repeated) {
        holders_.note_sharers();
    }
    const auto end = WindowClock::now();
    capture_.end();
    clock_.end(sample, how_ended(request), end);
    sample.interfaces = take_interface_deltas(interfaces_);
    holders_.rescan();
    capture_.await_packets();
    capture_.finish(sample.flows);

    PacketFaults faults = capture_.faults();
    faults.interrupted = request.interrupt->signal() != 0;
    faults.unread = holders_.failed();
    sample.notes = notes_of(faults);
    add_refused_namespaces(sample, others_.refused());
    if (options_.namespaces.empty() && options_.interfaces.empty() && others_.refused() == 0) {
        find_unlisted();
        add_unlisted_note(sample.notes, unlisted_.count([this](Inode netns) { return is_listed(netns); }));
    }
    sample.holders = options_.repeated ? holders_.holders() : holders_.take_holders();
    sample.processes = options_.repeated ? holders_.holding_processes() : holders_.take_processes();
    finish_uncounted(sample, capture_.uncounted());
    result.viewer = {Uid{::geteuid()}, holders_.denied() > 0 || ::geteuid() != 0};
    return result;
}

void PacketBackend::watch(Clock::time_point end, const SampleRequest& request)
{
    const auto begun = Clock::now();
    auto next_progress = begun;
    auto confirmed = begun; // and its cost has been rested for
    for (auto now = begun; now < end && !request.interrupt->ends_window(); now = Clock::now()) {
        capture_.drain();
        if (now >= std::max(confirmed, holders_.next_confirm())) {
            const auto used = thread_cpu_time();
            capture_.look_again(holders_.confirm(now));
            capture_.trace_owners();
            confirmed = Clock::now() + look_rest_share * (thread_cpu_time() - used);
        }
        const auto next_look = capture_.next_look();
        if (next_look && now >= *next_look) {
            capture_.look(now);
        }
        if (now >= next_progress) {
            request.tell(now - begun);
            take_in_new(now, namespaces_interval);
            capture_.retire_idle(now);
            next_progress = now + tell_interval;
        }
        const auto next_confirm = std::max(confirmed, holders_.next_confirm());
        request.interrupt->wait_until(std::min({end, next_progress, next_confirm, next_look.value_or(end)}),
                                      capture_.fd());
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
