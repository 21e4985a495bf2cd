// SPDX-License-Identifier: MIT
#include "traffic/backend.hpp"

#include "linux/clocks.hpp"
#include "linux/interrupt.hpp"
#include "owners/unlisted_sockets.hpp"
#include "processes/process_tree.hpp"
#include "traffic/namespaces.hpp"
#include "traffic/packet/capture.hpp"
#include "traffic/window_clock.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto tell_interval = 250ms;
constexpr auto packet_namespaces_interval = 250ms;

std::vector<Note> packet_limits()
{
    std::vector<Note> limits;
    limits.push_back({NoteCode::queues_unseen, "reads socket queues only at the start and end of the window: if a "
                                               "connection is reset, its unread bytes count as received"});
    limits.push_back(uncounted_limit());
    add_namespaces_limit(limits);
    add_denied_limit(limits);
    return limits;
}

Unavailable packet_refusal(int error)
{
    const std::string reason = std::generic_category().message(error);
    switch (error) {
    case EPERM:
    case EACCES: return {"no permission to capture packets", std::string(privilege_remedy)};
    case EAFNOSUPPORT:
        return {"the kernel has no packet sockets", "run modprobe af_packet, or use a kernel with CONFIG_PACKET"};
    case EINVAL:
    case ENOMEM:
        return {fmt::format("the kernel refused a capture buffer of this size: {}", reason),
                "use a smaller one, such as --capture-buffer 4M"};
    default: return {fmt::format("cannot capture packets: {}", reason), ""};
    }
}

class PacketBackend final : public Backend {
public:
    /// Opens the ring of our own namespace. If our own namespace is not measured, opens a small ring and closes it
    /// again. Only opening a ring shows whether packets can be captured.
    explicit PacketBackend(const BackendOptions& options) : options_(options), owners_("/proc", nullptr, options.trace)
    {
        const Inode own = own_namespace();
        if (is_wanted(own, options.namespaces)) {
            capture_.add_namespace(own, options.capture_buffer);
        } else {
            const PacketRing probe(1);
        }
        owners_.set_meanwhile([this] { capture_.drain_now_and_then(); });
    }
    BackendResult sample(const SampleRequest& request) override;
    std::vector<Note> limits() const override { return packet_limits(); }

private:
    void open();
    void resume();
    void take_in_new(Clock::time_point now, std::chrono::nanoseconds interval);
    void find_unlisted();
    void watch(Clock::time_point end, const SampleRequest& request);

    BackendOptions options_;
    OwnerScanner owners_;
    Capture capture_{
        owners_,
        {.detail = options_.tuples || options_.trees ? FlowSums::Detail::tuples : FlowSums::Detail::sockets,
         .interfaces = options_.interfaces,
         .lookups = options_.lookups ? std::make_shared<DnsMemory>() : nullptr}};
    OtherNamespaces others_{options_.namespaces,
                            {[this](Inode netns, Arrival arrival) {
                                 const std::size_t share = Capture::share_of(options_.capture_buffer, others_.size());
                                 capture_.add_namespace(netns, share, arrival);
                             },
                             [this](Inode netns) { return capture_.leave(netns); }, Capture::files_per_namespace}};
    /// False with --interface, which names interfaces of our own namespace.
    bool watches_others_ = options_.interfaces.empty();
    WindowClock clock_;
    InterfaceCounters interfaces_; // counters of the interfaces when the window began
};

void PacketBackend::open()
{
    owners_.scan();
    if (watches_others_) {
        others_.update(owners_.processes(), OtherNamespaces::When::window_begins);
    }
    interfaces_ = read_interfaces();
    do {
        capture_.begin();
        if (watches_others_) {
            find_unlisted();
        }
    } while (others_.enter_unlisted() > 0);
}

/// Enters namespaces that were created since the window began, and captures in them.
void PacketBackend::take_in_new(Clock::time_point now, std::chrono::nanoseconds interval)
{
    if (watches_others_ && others_.is_due(now, interval)) {
        others_.update(owners_.processes_now(), OtherNamespaces::When::window_is_open);
        capture_.begin();
    }
}

void PacketBackend::find_unlisted()
{
    std::vector<Inode> listed;
    capture_.add_listed(listed);
    others_.find_unlisted(owners_, std::move(listed));
}

/// Begins the window where the last one ended.
void PacketBackend::resume()
{
    owners_.next_window();
    capture_.next_window();
    if (watches_others_) {
        others_.update(owners_.processes(), OtherNamespaces::When::window_begins);
    }
    capture_.begin();
    if (others_.enter_unlisted() > 0) {
        capture_.begin();
    }
}

BackendResult PacketBackend::sample(const SampleRequest& request)
{
    BackendResult result;
    Sample& sample = result.sample;
    sample.backend = "packet";

    owners_.set_identify_process(request.identify_process);
    owners_.set_identify_group(request.identify_group);
    if (clock_.is_first()) {
        open();
    } else {
        resume();
    }
    watch(clock_.begin(request.window), request);
    take_in_new(Clock::now(), 0ns);
    if (options_.repeated) {
        owners_.note_sharers();
    }
    const auto end = WindowClock::now();
    capture_.end();
    clock_.end(sample, how_ended(request), end);
    take_interface_deltas(interfaces_, sample);
    owners_.rescan();
    capture_.await_packets();
    capture_.finish(sample.flows);
    if (options_.trees) {
        capture_.add_to(sample.listeners);
    }

    if (watches_others_ && !options_.lookups) {
        find_unlisted();
    }
    sample.holders = options_.repeated ? owners_.holders() : owners_.take_holders();
    sample.processes = options_.repeated ? owners_.holding_processes() : owners_.take_processes();
    if (options_.lookups) {
        const bool is_last = request.last || request.interrupt->signal() != 0;
        capture_.finish_lookups(sample, is_last ? DnsLookups::Rest::is_given : DnsLookups::Rest::waits);
    }

    Faults faults = capture_.faults();
    faults[Fault::interrupted] = request.interrupt->signal() != 0 ? 1 : 0;
    faults[Fault::owners_unread] = owners_.failed();
    if (options_.lookups) {
        faults[Fault::lookups_outside] = others_.refused();
        add_notes(sample.notes, faults);
    } else {
        faults[Fault::sockets_unlisted] = watches_others_ ? others_.unlisted() : 0;
        add_notes(sample.notes, faults);
        add_refused_namespaces(sample, others_.refused());
        finish_uncounted(sample, capture_.uncounted());
    }
    result.viewer = {Uid{::geteuid()}, owners_.may_be_denied()};
    return result;
}

void PacketBackend::watch(Clock::time_point end, const SampleRequest& request)
{
    const auto begun = Clock::now();
    auto next_progress = begun;
    auto confirmed = begun; // end of the pause after the last call of OwnerScanner::confirm()
    for (auto now = begun; now < end && !request.interrupt->ends_window(); now = Clock::now()) {
        capture_.drain();
        if (now >= std::max(confirmed, owners_.next_confirm())) {
            const SearchCost cost;
            capture_.search_again(owners_.confirm(now));
            capture_.trace_owners();
            confirmed = cost.rested();
        }
        const auto next_search = capture_.next_search();
        if (next_search && now >= *next_search) {
            capture_.search(now);
        }
        if (now >= next_progress) {
            request.tell(now - begun);
            take_in_new(now, packet_namespaces_interval);
            capture_.retire_idle(now);
            next_progress = now + tell_interval;
        }
        const auto next_confirm = std::max(confirmed, owners_.next_confirm());
        const auto next_look = look(request.tree, now);
        request.interrupt->wait_until(
            std::min({end, next_progress, next_confirm, next_look, next_search.value_or(end)}), capture_.fd());
    }
}

} // namespace

OpenResult open_packet(const BackendOptions& options)
{
    if (options.totals) {
        return Unavailable{"it counts packets while it runs, so it has no earlier totals",
                           "measure a window, such as -d 1s"};
    }
    if (::access("/proc/self/stat", R_OK) != 0) {
        return Unavailable{"/proc is not mounted, so owners of sockets cannot be found", "mount -t proc proc /proc"};
    }
    try {
        return std::make_unique<PacketBackend>(options);
    } catch (const std::system_error& failure) {
        return packet_refusal(failure.code().value());
    }
}

std::span<const BackendEntry> lookup_readers()
{
    static constexpr std::array readers{
        BackendEntry{"packet", "reads DNS packets on the network interfaces", open_packet,
                     "cap_net_raw,cap_dac_read_search,cap_sys_ptrace", 24},
    };
    return readers;
}

} // namespace socktally
