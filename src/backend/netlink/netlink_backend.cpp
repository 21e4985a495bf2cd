// SPDX-License-Identifier: MIT
#include "backend/netlink/netlink_backend.hpp"

#include "backend/interfaces.hpp"
#include "backend/namespaces.hpp"
#include "backend/netlink/notes.hpp"
#include "backend/netlink/window.hpp"
#include "backend/tcp/tcp_in_use.hpp"
#include "backend/window_clock.hpp"
#include "sys/interrupt.hpp"

#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t files_per_namespace = 5;

/// Of the capture buffer: datagrams are a part of all packets, and headers all that is kept of them.
constexpr std::size_t datagram_share = 4;

/// A dump takes a while: a window is from the middle of one to the middle of the next.
WindowClock::Moment middle(const Dumper::Dumped& dumped)
{
    const auto now = WindowClock::now();
    const auto middle = dumped.begun + (dumped.ended - dumped.begun) / 2;
    return {middle, now.system - std::chrono::duration_cast<std::chrono::system_clock::duration>(now.steady - middle)};
}

/// Samples one after the other; the members are what their steps hand on. A window ends with a dump, and the next one
/// begins with the same.
class Sampling {
public:
    explicit Sampling(const BackendOptions& options)
        : options_(options), datagrams_(holders_, PacketWatch::Kept::udp,
                                        options.tuples ? FlowSums::Detail::tuples : FlowSums::Detail::sockets),
          window_(datagrams_, holders_, closed_, options.tuples ? Window::Closed::kept : Window::Closed::summed)
    {
    }
    /// Totals of the open sockets.
    BackendResult totals(const SampleRequest& request);
    BackendResult next(const SampleRequest& request);

private:
    enum class Follows : std::uint8_t { nothing, another_window };

    void open_window(std::chrono::nanoseconds window);
    void resume();
    void enter_namespaces();
    bool drop_namespace(Inode netns);
    void add_namespace(Inode netns, std::size_t capture_buffer, OtherNamespaces::Arrival arrival);
    void watch(const SampleRequest& request);
    Dumper::Dumped close_window(Follows follows);
    void settle(SocketTable::Window window);
    void find_missing(Follows follows);
    void find_holders();
    BackendResult result_of(Sample sample, const SampleRequest& request, Follows follows);
    void collect(Sample& sample, Follows follows);

    BackendOptions options_;
    HolderMap holders_;
    Capture datagrams_; // of the namespaces in which packets can be captured
    OtherNamespaces others_{options_.namespaces};
    NamespaceWatches watches_; // that of our own namespace first, if only for its events
    bool own_is_wanted_ = is_wanted(own_namespace(), options_.namespaces);
    ClosedFlows closed_;
    Window window_;
    bool is_open_ = false; // a first window has begun
    WindowClock clock_;
    Clock::duration dump_time_{0}; // of the dump with which the window began
    std::vector<InterfaceTraffic> interfaces_;
};

BackendResult Sampling::totals(const SampleRequest& request)
{
    Sample sample;
    holders_.set_look(request.look);
    holders_.scan();
    add_namespace(own_namespace(), 0, OtherNamespaces::Arrival::was_there);
    enter_namespaces();
    sample.started_at = std::chrono::system_clock::now();
    sample.interfaces = read_interfaces();
    for (const auto& watch : watches_) {
        watch->close();
    }
    find_holders();
    return result_of(std::move(sample), request, Follows::nothing);
}

BackendResult Sampling::next(const SampleRequest& request)
{
    Sample sample;
    holders_.set_look(request.look);
    if (is_open_) {
        resume();
    } else {
        open_window(request.window);
    }
    watch(request);
    datagrams_.end();
    sample.interfaces = take_interface_deltas(interfaces_);
    const bool is_last = !options_.repeated || request.last || request.interrupt->signal() != 0;
    const auto follows = is_last ? Follows::nothing : Follows::another_window;
    const auto last = close_window(follows);
    dump_time_ = last.ended - last.begun;
    clock_.end(sample, middle(last));
    find_holders();
    return result_of(std::move(sample), request, follows);
}

void Sampling::watch(const SampleRequest& request)
{
    window_.set_places(watches_);
    window_.watch(clock_.begin(request.window) - dump_time_ / 2, request);
}

BackendResult Sampling::result_of(Sample sample, const SampleRequest& request, Follows follows)
{
    BackendResult result;
    sample.backend = datagrams_.is_empty() ? "netlink" : "netlink+packet";
    NetlinkFaults faults;
    for (const auto& watch : watches_) {
        if (own_is_wanted_ || watch != watches_.front()) {
            add(faults, watch->faults(options_.totals));
        }
    }
    faults.totals = options_.totals;
    faults.interrupted = request.interrupt->signal() != 0;
    faults.unread = holders_.failed();
    collect(sample, follows); // last: it leaves nothing behind to tell faults by
    sample.notes = notes_of(faults);
    for (Note& note : notes_of(datagrams_.faults())) {
        note.about = Note::About::udp;
        sample.notes.push_back(std::move(note));
    }
    add_refused_namespaces(sample, others_.refused());
    if (options_.repeated) {
        sample.notes.push_back(WindowClock::note_of_lists());
    }
    result.sample = std::move(sample);
    result.viewer = {Uid{::geteuid()}, holders_.denied() > 0 || ::geteuid() != 0};
    return result;
}

/// Sockets of netlink and files of /proc/net belong to the namespace in which they are opened, and can be used from
/// anywhere: so each namespace is entered once.
void Sampling::enter_namespaces()
{
    others_.find(holders_.processes());
    others_.leave([this](Inode netns) { return drop_namespace(netns); });
    const std::size_t share = Capture::share_of(options_.capture_buffer / datagram_share, others_.size());
    others_.enter(files_per_namespace + Capture::files_per_namespace,
                  [&](Inode netns, OtherNamespaces::Arrival arrival) {
                      add_namespace(netns, options_.totals ? 0 : share, arrival);
                  });
}

/// A namespace without name and processes may have sockets yet: they keep what they send after they are closed.
bool Sampling::drop_namespace(Inode netns)
{
    const auto watch =
        std::find_if(watches_.begin(), watches_.end(), [=](const auto& w) { return w->netns() == netns; });
    if (watch != watches_.end()) {
        if (!(*watch)->is_empty() || datagrams_.is_needed(netns)) {
            return false;
        }
        watches_.erase(watch);
        datagrams_.drop_namespace(netns);
    }
    return true;
}

/// Without privilege for packets, or without memory for them, UDP sockets are listed and their bytes unknown.
void Sampling::add_namespace(Inode netns, std::size_t capture_buffer, OtherNamespaces::Arrival arrival)
{
    auto udp = NamespaceWatch::Udp::listed;
    if (capture_buffer != 0) {
        try {
            datagrams_.add_namespace(netns, capture_buffer, arrival);
            udp = NamespaceWatch::Udp::left_out;
        } catch (const std::system_error&) {
            udp = NamespaceWatch::Udp::listed;
        }
    }
    watches_.push_back(std::make_unique<NamespaceWatch>(netns, udp));
    if (arrival == OtherNamespaces::Arrival::is_new) {
        watches_.back()->begin_new(others_.found_before());
    } else if (is_open_) {
        watches_.back()->begin_late();
    }
}

/// Holders first, counters last: the window begins when the dump is done, and every socket of it that is destroyed from
/// then on was there to be looked up. A socket that is destroyed before is no part of the window.
void Sampling::open_window(std::chrono::nanoseconds window)
{
    holders_.scan();
    const std::size_t buffer = own_is_wanted_ ? options_.capture_buffer / datagram_share : 0;
    add_namespace(own_namespace(), buffer, OtherNamespaces::Arrival::was_there);
    enter_namespaces();
    Dumper::Dumped first;
    for (const auto& watch : watches_) {
        watch->listen();
        const auto dumped = watch->open();
        first = watch == watches_.front() ? dumped : first;
    }
    settle(SocketTable::Window::opening);
    datagrams_.begin();
    for (const auto& watch : watches_) {
        watch->begin();
    }
    interfaces_ = read_interfaces();
    is_open_ = true;
    dump_time_ = first.ended - first.begun;
    clock_.begin(window, middle(first));
}

/// The last window's end is the beginning of this one.
void Sampling::resume()
{
    for (const auto& watch : watches_) {
        watch->next_window();
    }
    holders_.next_window();
    datagrams_.next_window();
    enter_namespaces();
    datagrams_.begin();
}

Dumper::Dumped Sampling::close_window(Follows follows)
{
    if (follows == Follows::another_window) {
        holders_.note_sharers();
    }
    Dumper::Dumped last;
    for (const auto& watch : watches_) {
        const auto dumped = watch->close();
        last = watch == watches_.front() ? dumped : last;
    }
    settle(SocketTable::Window::open);
    constexpr int patience = 3;
    for (int i = 0; i < patience; ++i) {
        const auto again =
            std::count_if(watches_.begin(), watches_.end(), [](const auto& w) { return w->close_again(); });
        if (again == 0) {
            break;
        }
        settle(SocketTable::Window::open);
    }
    find_missing(follows);
    datagrams_.await_packets();
    return last;
}

/// The kernel sends the events of all namespaces from the same queues, so when those of our own are in, the others are.
void Sampling::settle(SocketTable::Window window)
{
    watches_.front()->settle(window);
    for (std::size_t i = 1; i < watches_.size(); ++i) {
        watches_[i]->drain(window);
    }
}

/// A socket that was there and is neither in the last dump nor destroyed: its event is late (the kernel waits for the
/// last packet to leave), or the dump has missed it, or it was disconnected and lives on without a connection.
void Sampling::find_missing(Follows follows)
{
    if (follows == Follows::another_window) {
        for (const auto& watch : watches_) {
            watch->find_missing(NamespaceWatch::Patience::next_window);
        }
        return;
    }
    constexpr auto longest_wait = 250ms;
    const auto deadline = Clock::now() + longest_wait;
    for (auto pause = 1ms;; pause *= 2) {
        std::size_t missing = 0;
        for (const auto& watch : watches_) {
            missing += watch->find_missing(NamespaceWatch::Patience::now);
        }
        if (missing == 0 || Clock::now() >= deadline) {
            return;
        }
        std::this_thread::sleep_for(pause);
        settle(SocketTable::Window::open);
    }
}

/// Holders at the end of the window, because a socket may have changed hands in it. Without traffic nobody is to be
/// named wrongly, and the first scan will do.
void Sampling::find_holders()
{
    std::vector<Inode> inodes;
    bool traffic = options_.totals || datagrams_.saw_packets();
    for (const auto& watch : watches_) {
        const std::vector<Inode> live = watch->live_inodes();
        inodes.insert(inodes.end(), live.begin(), live.end());
        traffic = traffic || watch->saw_traffic();
    }
    if (!traffic) {
        return;
    }
    constexpr auto longest_search = 500ms;
    if (!options_.totals) {
        holders_.rescan();
    }
    const std::vector<Inode> unheld = holders_.unheld(std::move(inodes));
    if (!unheld.empty()) {
        holders_.search(unheld, HolderMap::Reach::everywhere, Clock::now() + longest_search);
    }
    holders_.confirm(Clock::now());
}

void Sampling::collect(Sample& sample, Follows follows)
{
    const auto how = follows == Follows::nothing ? NamespaceWatch::Flows::moved : NamespaceWatch::Flows::copied;
    for (const auto& watch : watches_) {
        if (own_is_wanted_ || watch != watches_.front()) {
            watch->hand_over(sample.flows, how);
        }
    }
    for (Flow& flow : sample.flows) {
        if (is_doubtful(flow, holders_)) {
            flow.inode = {};
        }
    }
    closed_.move_to(sample.flows);
    datagrams_.finish(sample.flows);
    sample.holders = holders_.take_holders();
    sample.processes = holders_.take_processes();
}

class NetlinkBackend final : public Backend {
public:
    explicit NetlinkBackend(const BackendOptions& options) : options_(options) {}
    BackendResult sample(const SampleRequest& request) override;
    std::vector<Note> limits() const override { return netlink_limits(); }

private:
    BackendOptions options_;
    std::unique_ptr<Sampling> sampling_; // null where no window was before, or none was to follow
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
    if (!options_.repeated || request.last || request.interrupt->signal() != 0) {
        sampling_.reset();
    }
    return result;
}

} // namespace

OpenResult open_netlink(const BackendOptions& options)
{
    if (::access("/proc/self/stat", R_OK) != 0) {
        return Unavailable{"/proc is not there to find the owners of sockets in", "mount -t proc proc /proc"};
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
