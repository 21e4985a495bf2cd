// SPDX-License-Identifier: MIT
// The netlink backend. It makes a sock_diag dump at the start and at the end of the window. In between, it reads
// destroy events and searches for owners. It counts TCP to the byte. The kernel does not count the bytes of UDP
// sockets, so datagrams are captured if this is allowed (traffic/packet).
#include "linux/interfaces.hpp"
#include "linux/interrupt.hpp"
#include "linux/netlink_socket.hpp"
#include "linux/privileges.hpp"
#include "owners/owner_scanner.hpp"
#include "traffic/backend.hpp"
#include "traffic/netlink/new_connections.hpp"
#include "traffic/netlink/watched_namespaces.hpp"
#include "traffic/packet/capture.hpp"
#include "traffic/window_clock.hpp"

#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

constexpr auto namespaces_interval = 250ms;

/// Returns the time in the middle of a dump. A dump takes a while. So a window lasts from the middle of one dump to the
/// middle of the next.
WindowClock::Moment middle(const Dumper::Dumped& dumped)
{
    const auto now = WindowClock::now();
    const auto middle = dumped.begun + (dumped.ended - dumped.begun) / 2;
    return {middle, now.system - std::chrono::duration_cast<std::chrono::system_clock::duration>(now.steady - middle)};
}

/// Returns how closed connections may be summed; null if each connection must be kept.
std::optional<ClosedFlows::Sums> sums_of(const BackendOptions& options)
{
    if (options.ports || options.facts) {
        return std::nullopt;
    }
    return options.tuples  ? ClosedFlows::Sums::by_peer
           : options.trees ? ClosedFlows::Sums::by_service
                           : ClosedFlows::Sums::by_owner;
}

/// The steps of this backend, window after window. The dump that ends a window also begins the next window. The counts
/// are right only if the steps keep their order.
class Sampling {
public:
    explicit Sampling(const BackendOptions& options);

    /// Returns the totals of the open sockets.
    BackendResult totals(const SampleRequest& request);
    BackendResult next(const SampleRequest& request);

private:
    using Clock = std::chrono::steady_clock;
    enum class Follows : std::uint8_t { nothing, another_window };

    /// open_window() and resume() return the time at which the window must end.
    Clock::time_point open_window(std::chrono::nanoseconds window);
    Dumper::Dumped open_namespaces();
    Clock::time_point resume(std::chrono::nanoseconds window);
    void watch(Clock::time_point end, const SampleRequest& request);
    void take_in_new(std::chrono::nanoseconds interval);
    Dumper::Dumped close_window(Follows follows);
    void find_owners(Follows follows, std::chrono::nanoseconds window);
    BackendResult result_of(Sample sample, const SampleRequest& request, Follows follows);
    void collect(Sample& sample, Follows follows);

    BackendOptions options_;
    OwnerScanner owners_;
    Capture datagrams_; // captures UDP in the namespaces where this is allowed
    WatchedNamespaces namespaces_;
    NewConnectionWatcher watcher_;
    WindowClock clock_;
    Clock::duration dump_time_{0}; // duration of the dump that began the window
    InterfaceCounters interfaces_;
};

Sampling::Sampling(const BackendOptions& options)
    : options_(options), owners_("/proc", nullptr, options.trace),
      datagrams_(owners_, {.kept = Captured::udp,
                           .detail = options.tuples ? FlowSums::Detail::tuples : FlowSums::Detail::sockets}),
      namespaces_(options, datagrams_), watcher_(datagrams_, owners_, sums_of(options))
{
    owners_.set_meanwhile([this] { datagrams_.drain_now_and_then(); });
}

BackendResult Sampling::totals(const SampleRequest& request)
{
    Sample sample;
    owners_.set_identify_process(request.identify_process);
    owners_.expect(OwnerScanner::Follows::search);
    owners_.scan();
    namespaces_.enter_first(owners_.processes());
    sample.started_at = std::chrono::system_clock::now();
    sample.interfaces = read_interface_counters();
    std::size_t listed = 0;
    do {
        for (; listed < namespaces_.all().size(); ++listed) {
            namespaces_.all()[listed]->close();
        }
        namespaces_.find_unlisted(owners_);
    } while (namespaces_.enter_unlisted() > 0);
    find_owners(Follows::nothing, request.window);
    Snapshot snapshot = options_.counters ? namespaces_.snapshot() : Snapshot{};
    BackendResult result = result_of(std::move(sample), request, Follows::nothing);
    result.snapshot = std::move(snapshot);
    return result;
}

BackendResult Sampling::next(const SampleRequest& request)
{
    Sample sample;
    owners_.set_identify_process(request.identify_process);
    owners_.set_identify_group(request.identify_group);
    watch(clock_.is_first() ? open_window(request.window) : resume(request.window), request);
    datagrams_.end();
    take_interface_deltas(interfaces_, sample);
    const bool is_last = !options_.repeated || request.last || request.interrupt->ends_series();
    const auto follows = is_last ? Follows::nothing : Follows::another_window;
    const auto last = close_window(follows);
    dump_time_ = last.ended - last.begun;
    clock_.end(sample, how_ended(request), middle(last));
    find_owners(follows, request.window);
    return result_of(std::move(sample), request, follows);
}

void Sampling::watch(Clock::time_point end, const SampleRequest& request)
{
    watcher_.set_namespaces(namespaces_.all());
    watcher_.trace_owners();
    watcher_.watch(end - dump_time_ / 2, request, [this] { take_in_new(namespaces_interval); });
    take_in_new(0ns);
}

/// Enters namespaces that were created since the window began. Does so at most once in `interval`.
void Sampling::take_in_new(std::chrono::nanoseconds interval)
{
    if (namespaces_.is_due(interval) &&
        namespaces_.update(owners_.processes_now(), OtherNamespaces::When::window_is_open)) {
        datagrams_.begin();
        watcher_.set_namespaces(namespaces_.all());
    }
}

/// Scans the owners, and then makes the first dump, which begins the window. So the scan finds the owner even of a
/// socket that is destroyed early in the window. A socket that is destroyed before the dump is not part of the window.
Sampling::Clock::time_point Sampling::open_window(std::chrono::nanoseconds window)
{
    owners_.scan();
    namespaces_.enter_first(owners_.processes());
    const Dumper::Dumped first = open_namespaces();
    interfaces_ = read_interfaces();
    dump_time_ = first.ended - first.begun;
    return clock_.begin(window, middle(first));
}

/// Makes the first dump of each namespace. Then does the same for namespaces that were found only by a socket that a
/// process holds. Returns the dump of our own namespace.
Dumper::Dumped Sampling::open_namespaces()
{
    const NamespaceWatches& watches = namespaces_.all();
    Dumper::Dumped first;
    std::size_t begun = 0;
    do {
        for (std::size_t i = begun; i < watches.size(); ++i) {
            watches[i]->listen();
            const auto dumped = watches[i]->open();
            first = i == 0 ? dumped : first;
        }
        namespaces_.settle(SocketTable::Phase::opening);
        datagrams_.begin();
        for (; begun < watches.size(); ++begun) {
            watches[begun]->begin();
        }
        namespaces_.find_unlisted(owners_);
    } while (namespaces_.enter_unlisted() > 0);
    return first;
}

/// Begins the window where the last one ended.
Sampling::Clock::time_point Sampling::resume(std::chrono::nanoseconds window)
{
    for (const auto& watch : namespaces_.all()) {
        watch->next_window();
    }
    owners_.next_window();
    datagrams_.next_window();
    namespaces_.update(owners_.processes(), OtherNamespaces::When::window_begins);
    datagrams_.begin();
    if (namespaces_.enter_unlisted() > 0) {
        datagrams_.begin();
    }
    return clock_.begin(window);
}

Dumper::Dumped Sampling::close_window(Follows follows)
{
    if (follows == Follows::another_window) {
        owners_.note_sharers();
    }
    const NamespaceWatches& watches = namespaces_.all();
    const auto drain = [this] { datagrams_.drain_now_and_then(); };
    Dumper::Dumped last;
    for (const auto& watch : watches) {
        const auto dumped = watch->close(drain);
        last = watch == watches.front() ? dumped : last;
    }
    namespaces_.settle(SocketTable::Phase::open);
    constexpr int patience = 3;
    for (int i = 0; i < patience; ++i) {
        const auto again =
            std::count_if(watches.begin(), watches.end(), [&](const auto& w) { return w->close_again(drain); });
        if (again == 0) {
            break;
        }
        namespaces_.settle(SocketTable::Phase::open);
    }
    namespaces_.find_missing(follows == Follows::nothing ? 250ms : 20ms);
    datagrams_.await_packets();
    return last;
}

/// Scans the owners again at the end of the window. A socket may have been handed over in the window, and the next
/// window begins with the owners that are known now. If bytes have moved, also searches for missing owners. New
/// connections are not noticed during the search, so it is short if another window follows.
void Sampling::find_owners(Follows follows, std::chrono::nanoseconds window)
{
    std::vector<Inode> inodes;
    bool traffic = options_.totals || datagrams_.saw_packets();
    for (const auto& watch : namespaces_.all()) {
        const std::vector<Inode> live = watch->live_inodes();
        inodes.insert(inodes.end(), live.begin(), live.end());
        traffic = traffic || watch->saw_traffic();
    }
    const bool is_last = follows == Follows::nothing;
    if (!options_.totals) {
        owners_.rescan();
    }
    if (!traffic) {
        return;
    }
    constexpr std::chrono::nanoseconds shortest_search = 10ms;
    const auto time = is_last ? last_search : std::clamp(window / 8, shortest_search, last_search);
    const auto sockets = is_last ? owners_.unheld(std::move(inodes)) : owners_.worth_searching(std::move(inodes));
    owners_.search(sockets, OwnerScanner::Reach::everywhere, Clock::now() + time);
    watcher_.trace_owners();
    if (options_.repeated) { // else no owner is from an earlier window
        for (const auto& watch : namespaces_.all()) {
            owners_.disown(owners_.unheld(watch->table().listed_inodes()));
        }
    }
    owners_.confirm(Clock::now());
}

BackendResult Sampling::result_of(Sample sample, const SampleRequest& request, Follows follows)
{
    BackendResult result;
    sample.backend = datagrams_.is_empty() ? "netlink" : "netlink+packet";
    Faults faults;
    UncountedTraffic uncounted;
    namespaces_.each_wanted([&](NamespaceWatch& watch) {
        faults += watch.faults(options_.totals);
        uncounted |= watch.uncounted().traffic();
    });
    faults[options_.totals ? Fault::interrupted_totals : Fault::interrupted] = request.interrupt->signal() != 0 ? 1 : 0;
    if (faults[Fault::udp_unknown] == 0 && faults[Fault::udp_unknown_totals] == 0) {
        faults[Fault::udp_unlisted] = 0;
    }
    if (!options_.totals) {
        namespaces_.find_unlisted(owners_);
    }
    faults[Fault::owners_unread] = owners_.failed();
    faults[Fault::sockets_unlisted] = namespaces_.unlisted();
    collect(sample, follows); // after faults(), because collect() may move out what faults() needs
    add_notes(sample.notes, faults);
    for (Note& note : notes_of(datagrams_.faults())) {
        note.about = Note::About::protocol;
        sample.notes.push_back(std::move(note));
    }
    finish_uncounted(sample, uncounted);
    add_refused_namespaces(sample, namespaces_.refused());
    result.sample = std::move(sample);
    result.viewer = {Uid{::geteuid()}, owners_.may_be_denied()};
    return result;
}

void Sampling::collect(Sample& sample, Follows follows)
{
    const bool is_last = follows == Follows::nothing;
    const auto how = is_last ? NamespaceWatch::Flows::moved : NamespaceWatch::Flows::copied;
    namespaces_.each_wanted([&](NamespaceWatch& watch) {
        watch.hand_over(sample.flows, how);
        if (options_.trees) {
            watch.table().add_to(sample.listeners, watch.netns());
        }
    });
    for (Flow& flow : sample.flows) {
        if (owners_.is_doubtful(flow)) {
            flow.inode = {};
        }
    }
    watcher_.move_closed_to(sample.flows);
    datagrams_.finish(sample.flows);
    sample.holders = is_last ? owners_.take_holders() : owners_.holders();
    sample.processes = is_last ? owners_.take_processes() : owners_.holding_processes();
}

std::vector<Note> netlink_limits()
{
    std::vector<Note> limits;
    if (!has_capability(CAP_NET_RAW)) {
        limits.push_back({NoteCode::udp_bytes, "lists UDP sockets, but cannot count their bytes", privilege_remedy});
    }
    limits.push_back(uncounted_limit());
    add_namespaces_limit(limits);
    add_denied_limit(limits);
    if (!has_capability(CAP_NET_ADMIN)) {
        limits.push_back(
            {NoteCode::events_lost,
             "has a small buffer for events of closed sockets: if several hundred close at once, some may be lost",
             privilege_remedy});
    }
    return limits;
}

Unavailable netlink_refusal(int error)
{
    const std::string reason = std::generic_category().message(error);
    switch (error) {
    case ENOENT:
    case EINVAL:
    case EOPNOTSUPP: return {"the kernel cannot list TCP sockets: no tcp_diag", std::string(diag_modules_remedy)};
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
        return {fmt::format("NETLINK_SOCK_DIAG is not available: {}", reason),
                "allow AF_NETLINK in the sandbox (RestrictAddressFamilies=), or use a kernel with CONFIG_INET_DIAG"};
    case EPERM:
    case EACCES:
        return {fmt::format("no permission to use sock_diag: {}", reason),
                "allow AF_NETLINK sockets in the sandbox (seccomp, RestrictAddressFamilies=)"};
    default: return {fmt::format("sock_diag failed: {}", reason), ""};
    }
}

class NetlinkBackend final : public Backend {
public:
    explicit NetlinkBackend(const BackendOptions& options) : options_(options) {}
    BackendResult sample(const SampleRequest& request) override;
    std::vector<Note> limits() const override { return netlink_limits(); }

private:
    BackendOptions options_;
    std::unique_ptr<Sampling> sampling_; // null before the first window and after the last one
};

BackendResult NetlinkBackend::sample(const SampleRequest& request)
{
    if (options_.totals) {
        return Sampling(options_).totals(request);
    }
    if (!sampling_) {
        sampling_ = std::make_unique<Sampling>(options_);
    }
    BackendResult result = sampling_->next(request);
    if (!options_.repeated || request.last || request.interrupt->ends_series()) {
        sampling_.reset();
    }
    return result;
}

} // namespace

OpenResult open_netlink(const BackendOptions& options)
{
    if (::access("/proc/self/stat", R_OK) != 0) {
        return Unavailable{"/proc is not mounted, so owners of sockets cannot be found", "mount -t proc proc /proc"};
    }
    try {
        NetlinkSocket socket(NetlinkSocket::Mode::blocking);
        auto request = tcp_dump_request(state_bit(TcpState::listen), DiagDetail::sockets);
        const int error = exchange(socket, request, [](const NetlinkMessage&) {});
        if (error != 0) {
            return netlink_refusal(error);
        }
    } catch (const std::system_error& failure) {
        return netlink_refusal(failure.code().value());
    }
    return std::make_unique<NetlinkBackend>(options);
}

} // namespace socktally
