// SPDX-License-Identifier: MIT
#include "backend/netlink/netlink_backend.hpp"

#include "backend/interfaces.hpp"
#include "backend/netlink/notes.hpp"
#include "backend/netlink/udp_sockets.hpp"
#include "backend/netlink/window.hpp"
#include "sys/interrupt.hpp"

#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <thread>

namespace socktally {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int patience = 3; // how often something that should show up is waited for

Clock::time_point middle(const Dumper::Dumped& dumped) { return dumped.begun + (dumped.ended - dumped.begun) / 2; }

/// One sample from beginning to end; the members are what its steps hand on.
class Sampling {
public:
    explicit Sampling(bool tuples) : tuples_(tuples) {}
    BackendResult run(const SampleRequest& request);

private:
    Dumper::Dumped open_window();
    Dumper::Dumped close_window();
    void find_missing();
    void find_holders();
    void drop_doubtful_holders(std::vector<Flow>& flows) const;
    Dumper::Dumped dump_at_end();
    void settle(SocketTable::Window window);
    bool udp_silent() const;
    std::size_t connections_missed() const;
    std::size_t connections_unborn();
    std::size_t drain(SocketTable::Window window);
    SocketTable::Age age() const;

    NetlinkParts parts_;
    UdpSockets udp_;
    NetlinkFaults faults_;
    Clock::time_point first_dump_{};
    std::optional<ProtocolCounters> counters_before_; // the first dump
    std::optional<ProtocolCounters> first_counters_;  // of the window
    std::optional<ProtocolCounters> last_counters_;
    bool tuples_;
    bool totals_only_ = false;
};

BackendResult Sampling::run(const SampleRequest& request)
{
    totals_only_ = request.window == 0ns;
    BackendResult result;
    Sample& sample = result.sample;
    sample.backend = "netlink";

    parts_.table.reserve(read_tcp_in_use());
    if (totals_only_) {
        sample.started_at = std::chrono::system_clock::now();
        sample.interfaces = read_interfaces();
        close_window();
    } else {
        const auto first = open_window();
        sample.started_at = std::chrono::system_clock::now();
        const auto interfaces = read_interfaces();
        // A dump takes a while: the window is from the middle of one to the middle of the other.
        Window window(parts_, first_dump_, tuples_ ? Window::Closed::kept : Window::Closed::summed);
        window.watch(middle(first) + request.window - (first.ended - first.begun) / 2, request);
        faults_.failed_looks = window.failed_looks();
        sample.interfaces = interface_deltas(interfaces, read_interfaces());
        sample.duration = middle(close_window()) - middle(first);
    }
    find_holders();

    faults_.interrupted = request.interrupt->signal() != 0;
    faults_.events_lost = parts_.events.lost();
    faults_.garbled = parts_.dumper.garbled();
    faults_.resets = parts_.table.resets();
    faults_.unread = parts_.holders.failed();
    faults_.other_namespaces = parts_.holders.other_namespaces();
    faults_.missed = connections_missed();
    faults_.unborn = connections_unborn();
    faults_.without_counters = parts_.table.without_counters();
    faults_.udp_silent = totals_only_ ? udp_.flows().empty() : udp_silent();

    sample.flows = parts_.table.take_flows();
    drop_doubtful_holders(sample.flows);
    parts_.closed.move_to(sample.flows);
    udp_.move_to(sample.flows, udp_silent());
    sample.holders = parts_.holders.take_holders();
    sample.processes = parts_.holders.take_processes();
    sample.notes = notes_of(faults_);
    result.viewer = {Uid{::geteuid()}, parts_.holders.denied() > 0 || ::geteuid() != 0};
    return result;
}

/// Holders first, counters last: the window begins when the dump is done, and every socket of it that is destroyed from
/// then on was there to be looked up. A socket that is destroyed before is no part of the window.
Dumper::Dumped Sampling::open_window()
{
    parts_.holders.scan();
    faults_.not_listening = !parts_.events.listen();
    counters_before_ = parts_.counters.read();
    first_dump_ = Clock::now();
    faults_.udp_unlisted = !parts_.dumper.udp([this](const DiagSocket& socket) { udp_.add(socket); });
    const auto dumped =
        parts_.dumper.tcp(parts_.table, [this](const DiagSocket& socket) { return parts_.table.at_start(socket); });
    faults_.disturbed = dumped.outcome == Dumper::Outcome::disturbed;
    // Where sockets went while it was made, the dump may have skipped others: another one shows those.
    if (drain(SocketTable::Window::opening) > 0) {
        parts_.dumper.tcp(parts_.table, [this](const DiagSocket& socket) { return parts_.table.at_start(socket); });
    }
    settle(SocketTable::Window::opening);
    first_counters_ = parts_.counters.read();
    return dumped;
}

Dumper::Dumped Sampling::close_window()
{
    last_counters_ = parts_.counters.read();
    const auto dumped = dump_at_end();
    faults_.udp_unlisted = !parts_.dumper.udp([this](const DiagSocket& socket) { udp_.add(socket); });
    if (totals_only_) {
        return dumped;
    }
    settle(SocketTable::Window::open);
    for (int i = 0; i < patience && connections_missed() > 0; ++i) {
        dump_at_end();
        settle(SocketTable::Window::open);
    }
    find_missing();
    return dumped;
}

Dumper::Dumped Sampling::dump_at_end()
{
    const auto dumped = parts_.dumper.tcp(
        parts_.table, [this](const DiagSocket& socket) { return parts_.table.at_end(socket, age()); });
    faults_.disturbed = faults_.disturbed || dumped.outcome == Dumper::Outcome::disturbed;
    return dumped;
}

std::size_t Sampling::drain(SocketTable::Window window)
{
    return parts_.events.drain([&](const DiagSocket& socket) { parts_.table.destroyed(socket, window, age()); });
}

void Sampling::settle(SocketTable::Window window)
{
    const bool settled =
        parts_.events.settle([&](const DiagSocket& socket) { parts_.table.destroyed(socket, window, age()); });
    faults_.late_events = faults_.late_events || !settled;
}

SocketTable::Age Sampling::age() const
{
    return std::chrono::duration_cast<SocketTable::Age>(Clock::now() - first_dump_);
}

/// No datagram was read or sent in the whole namespace.
bool Sampling::udp_silent() const
{
    return first_counters_ && last_counters_ && first_counters_->udp_datagrams == last_counters_->udp_datagrams;
}

/// Connections that the kernel says were opened in the window, less those that a look, an event or a dump has shown. An
/// attempt that failed may have left nothing to be shown.
std::size_t Sampling::connections_missed() const
{
    if (!first_counters_ || !last_counters_) {
        return 0;
    }
    const std::uint64_t failed = last_counters_->tcp_failures - first_counters_->tcp_failures;
    const std::uint64_t opened = last_counters_->tcp_opens - first_counters_->tcp_opens;
    const std::uint64_t shown = parts_.table.born() + parts_.table.resets() + failed;
    return opened > shown ? static_cast<std::size_t>(opened - shown) : 0;
}

/// Connections that were taken for new beyond those that the kernel says were opened: the first dump has missed them.
std::size_t Sampling::connections_unborn()
{
    const auto now = parts_.counters.read();
    if (!counters_before_ || !now) {
        return 0;
    }
    const std::uint64_t opened = now->tcp_opens - counters_before_->tcp_opens;
    return parts_.table.born() > opened ? static_cast<std::size_t>(parts_.table.born() - opened) : 0;
}

/// A socket that was there and is neither in the last dump nor destroyed: its event is late (the kernel waits for the
/// last packet to leave), or the dump has missed it, or it was disconnected and lives on without a connection.
void Sampling::find_missing()
{
    constexpr auto longest_wait = 250ms;
    const auto deadline = Clock::now() + longest_wait;
    auto pause = 1ms;
    auto missing = parts_.table.missing();
    while (!missing.empty() && Clock::now() < deadline) {
        for (const Flow* flow : missing) {
            const auto socket = parts_.dumper.lookup(*flow);
            if (socket && socket->cookie == flow->cookie) {
                parts_.table.at_end(*socket, age());
            }
        }
        std::this_thread::sleep_for(pause);
        pause *= 2;
        settle(SocketTable::Window::open);
        missing = parts_.table.missing();
    }
    faults_.vanished = missing.size();
}

/// Holders at the end of the window, because a socket may have changed hands in it. Without traffic nobody is to be
/// named wrongly, and the first scan will do.
void Sampling::find_holders()
{
    if (!totals_only_ && !parts_.table.moved_bytes() && (udp_.flows().empty() || udp_silent())) {
        return;
    }
    constexpr auto longest_search = 500ms;
    totals_only_ ? parts_.holders.scan() : parts_.holders.rescan();
    std::vector<Inode> inodes = parts_.table.live_inodes();
    for (const Flow& flow : udp_.flows()) {
        inodes.push_back(flow.inode);
    }
    const std::vector<Inode> unheld = parts_.holders.unheld(std::move(inodes));
    if (!unheld.empty()) {
        parts_.holders.search(unheld, HolderMap::Reach::everywhere, Clock::now() + longest_search);
    }
    parts_.holders.confirm(Clock::now());
}

void Sampling::drop_doubtful_holders(std::vector<Flow>& flows) const
{
    for (Flow& flow : flows) {
        if (is_doubtful(flow, parts_.holders)) {
            flow.inode = {};
        }
    }
}

class NetlinkBackend final : public Backend {
public:
    explicit NetlinkBackend(bool tuples) : tuples_(tuples) {}
    BackendResult sample(const SampleRequest& request) override { return Sampling(tuples_).run(request); }
    std::vector<Note> limits() const override { return netlink_limits(); }

private:
    bool tuples_;
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
    return std::make_unique<NetlinkBackend>(options.tuples);
}

} // namespace socktally
