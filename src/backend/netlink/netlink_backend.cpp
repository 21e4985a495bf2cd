// SPDX-License-Identifier: MIT
#include "backend/netlink/netlink_backend.hpp"

#include "backend/interfaces.hpp"
#include "backend/namespaces.hpp"
#include "backend/netlink/notes.hpp"
#include "backend/netlink/window.hpp"
#include "backend/tcp/tcp_in_use.hpp"
#include "sys/interrupt.hpp"

#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <thread>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t files_per_namespace = 5;

/// Of the capture buffer: datagrams are a part of all packets, and headers all that is kept of them.
constexpr std::size_t datagram_share = 4;

Clock::time_point middle(const Dumper::Dumped& dumped) { return dumped.begun + (dumped.ended - dumped.begun) / 2; }

/// One sample from beginning to end; the members are what its steps hand on.
class Sampling {
public:
    explicit Sampling(const BackendOptions& options)
        : options_(options), datagrams_(holders_, PacketWatch::Kept::udp,
                                        options.tuples ? FlowSums::Detail::tuples : FlowSums::Detail::sockets)
    {
    }
    BackendResult run(const SampleRequest& request);

private:
    void enter_namespaces();
    void add_namespace(Inode netns, bool wanted, std::size_t capture_buffer);
    Dumper::Dumped open_window();
    Dumper::Dumped close_window();
    void settle(SocketTable::Window window);
    void find_missing();
    void find_holders();
    void collect(Sample& sample);

    const BackendOptions& options_;
    HolderMap holders_;
    Capture datagrams_;        // of the namespaces in which packets can be captured
    NamespaceWatches watches_; // that of our own namespace first, if only for its events
    bool own_is_wanted_ = true;
    std::size_t refused_ = 0;
    ClosedFlows closed_;
};

BackendResult Sampling::run(const SampleRequest& request)
{
    BackendResult result;
    Sample& sample = result.sample;
    holders_.set_look(request.look);

    // Holders first, counters last: the window begins when the dump is done, and every socket of it that is destroyed
    // from then on was there to be looked up. A socket that is destroyed before is no part of the window.
    holders_.scan();
    enter_namespaces();
    sample.backend = datagrams_.is_empty() ? "netlink" : "netlink+packet";
    if (options_.totals) {
        sample.started_at = std::chrono::system_clock::now();
        sample.interfaces = read_interfaces();
        for (const auto& watch : watches_) {
            watch->close();
        }
    } else {
        const auto first = open_window();
        sample.started_at = std::chrono::system_clock::now();
        const auto interfaces = read_interfaces();
        // A dump takes a while: the window is from the middle of one to the middle of the other.
        Window window(watches_, datagrams_, holders_, closed_,
                      options_.tuples ? Window::Closed::kept : Window::Closed::summed);
        window.watch(middle(first) + request.window - (first.ended - first.begun) / 2, request);
        datagrams_.end();
        sample.interfaces = interface_deltas(interfaces, read_interfaces());
        sample.duration = middle(close_window()) - middle(first);
    }
    find_holders();

    NetlinkFaults faults;
    for (const auto& watch : watches_) {
        if (own_is_wanted_ || watch != watches_.front()) {
            add(faults, watch->faults(options_.totals));
        }
    }
    faults.totals = options_.totals;
    faults.interrupted = request.interrupt->signal() != 0;
    faults.unread = holders_.failed();
    collect(sample); // last: it leaves nothing behind to tell faults by
    sample.notes = notes_of(faults);
    for (Note& note : notes_of(datagrams_.faults())) {
        note.about = Note::About::udp;
        sample.notes.push_back(std::move(note));
    }
    add_refused_namespaces(sample, refused_);
    result.viewer = {Uid{::geteuid()}, holders_.denied() > 0 || ::geteuid() != 0};
    return result;
}

/// Sockets of netlink and files of /proc/net belong to the namespace in which they are opened, and can be used from
/// anywhere: so each namespace is entered once.
void Sampling::enter_namespaces()
{
    const Inode own = own_namespace();
    const auto others = other_namespaces(options_.namespaces, holders_.open_namespaces());
    own_is_wanted_ = is_wanted(own, options_.namespaces);
    const std::size_t buffer = options_.capture_buffer / datagram_share;
    add_namespace(own, own_is_wanted_, buffer);
    const std::size_t others_buffer = Capture::share_of(buffer, others.size());
    refused_ = enter_each(others, files_per_namespace + Capture::files_per_namespace,
                          [&](Inode netns) { add_namespace(netns, true, others_buffer); });
}

/// Without privilege for packets, or without memory for them, UDP sockets are listed and their bytes unknown.
void Sampling::add_namespace(Inode netns, bool wanted, std::size_t capture_buffer)
{
    auto udp = NamespaceWatch::Udp::listed;
    if (wanted && !options_.totals) {
        try {
            datagrams_.add_namespace(netns, capture_buffer);
            udp = NamespaceWatch::Udp::left_out;
        } catch (const std::system_error&) {
            udp = NamespaceWatch::Udp::listed;
        }
    }
    watches_.push_back(std::make_unique<NamespaceWatch>(netns, udp));
}

Dumper::Dumped Sampling::open_window()
{
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
    return first;
}

Dumper::Dumped Sampling::close_window()
{
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
    find_missing();
    datagrams_.list_again();
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
void Sampling::find_missing()
{
    constexpr auto longest_wait = 250ms;
    const auto deadline = Clock::now() + longest_wait;
    for (auto pause = 1ms;; pause *= 2) {
        std::size_t missing = 0;
        for (const auto& watch : watches_) {
            missing += watch->find_missing();
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

void Sampling::collect(Sample& sample)
{
    for (const auto& watch : watches_) {
        if (own_is_wanted_ || watch != watches_.front()) {
            watch->move_to(sample.flows);
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
    BackendResult sample(const SampleRequest& request) override { return Sampling(options_).run(request); }
    std::vector<Note> limits() const override { return netlink_limits(); }

private:
    BackendOptions options_;
};

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
