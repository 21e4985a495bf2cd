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
    BackendResult run(const SampleRequest& request);

private:
    Dumper::Dumped open_window();
    Dumper::Dumped close_window();
    void find_missing();
    void find_holders();
    void drop_doubtful_holders(std::vector<Flow>& flows) const;
    Dumper::Dumped dump_at_end();
    void settle(SocketTable::Window window);
    std::size_t connections_missed() const;

    NetlinkParts parts_;
    UdpSockets udp_;
    NetlinkFaults faults_;
    std::optional<ProtocolCounters> first_counters_;
    std::optional<ProtocolCounters> last_counters_;
    bool totals_only_ = false;
};

BackendResult Sampling::run(const SampleRequest& request)
{
    totals_only_ = request.window == 0ns;
    BackendResult result;
    Sample& sample = result.sample;
    sample.backend = "netlink";

    if (totals_only_) {
        sample.started_at = std::chrono::system_clock::now();
        sample.interfaces = read_interfaces();
        close_window();
    } else {
        const auto first = open_window();
        sample.started_at = std::chrono::system_clock::now();
        const auto interfaces = read_interfaces();
        // A dump takes a while: the window is from the middle of one to the middle of the other.
        Window(parts_).watch(middle(first) + request.window - (first.ended - first.begun) / 2, request);
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
    faults_.udp_silent = first_counters_ && last_counters_ &&
                         first_counters_->udp_datagrams == last_counters_->udp_datagrams;
    faults_.udp_sockets = !udp_.flows().empty();

    sample.flows = parts_.table.take_flows();
    drop_doubtful_holders(sample.flows);
    udp_.move_to(sample.flows, faults_.udp_silent);
    sample.processes = parts_.holders.take_processes();
    sample.holders = parts_.holders.take_holders();
    sample.notes = notes_of(faults_);
    result.viewer = {Uid{::geteuid()}, parts_.holders.denied() > 0 || ::geteuid() != 0};
    return result;
}

/// Holders first, counters last: the window begins when the dump is done, and every socket of it that is destroyed from then on
/// was there to be looked up. A socket that is destroyed before is no part of the window.
Dumper::Dumped Sampling::open_window()
{
    faults_.not_listening = !parts_.events.listening();
    parts_.holders.scan();
    faults_.udp_unlisted = !parts_.dumper.udp([this](const DiagSocket& socket) { udp_.add(socket); });
    const auto dumped =
        parts_.dumper.tcp(parts_.table, [this](const DiagSocket& socket) { return parts_.table.at_start(socket); });
    faults_.disturbed = dumped.outcome == Dumper::Outcome::disturbed;
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
    const auto dumped =
        parts_.dumper.tcp(parts_.table, [this](const DiagSocket& socket) { return parts_.table.at_end(socket); });
    faults_.disturbed = faults_.disturbed || dumped.outcome == Dumper::Outcome::disturbed;
    return dumped;
}

void Sampling::settle(SocketTable::Window window)
{
    const bool settled =
        parts_.events.settle([&](const DiagSocket& socket) { parts_.table.destroyed(socket, window); });
    faults_.late_events = faults_.late_events || !settled;
}

/// Connections that the kernel says were opened in the window, less those that a look, an event or a dump has shown.
std::size_t Sampling::connections_missed() const
{
    if (!first_counters_ || !last_counters_) {
        return 0;
    }
    const std::uint64_t opened = last_counters_->tcp_opens - first_counters_->tcp_opens;
    const std::size_t shown = parts_.table.born() + parts_.table.resets();
    return opened > shown ? static_cast<std::size_t>(opened - shown) : 0;
}

/// A socket that was there and is neither in the last dump nor destroyed: its event is late (the kernel waits for the last packet
/// to leave), or the dump has missed it, or it was disconnected and lives on without a connection.
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
                parts_.table.at_end(*socket);
            }
        }
        std::this_thread::sleep_for(pause);
        pause *= 2;
        settle(SocketTable::Window::open);
        missing = parts_.table.missing();
    }
    faults_.vanished = missing.size();
}

/// Holders at the end of the window, because a socket may have changed hands in it. Without traffic nobody is to be named wrongly,
/// and the first scan will do.
void Sampling::find_holders()
{
    if (!totals_only_ && !parts_.table.moved_bytes() && udp_.flows().empty()) {
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
    parts_.holders.confirm();
}

/// An accepted connection that was seen once at a process and was gone at the next look: a server that forks or hands over may
/// have given it to another process in between, so nobody is named.
void Sampling::drop_doubtful_holders(std::vector<Flow>& flows) const
{
    for (Flow& flow : flows) {
        if (flow.state == SocketState::closed && flow.accepted && parts_.holders.unconfirmed(flow.inode)) {
            flow.inode = {};
        }
    }
}

class NetlinkBackend final : public Backend {
public:
    BackendResult sample(const SampleRequest& request) override { return Sampling().run(request); }
    std::vector<Note> limits() const override { return netlink_limits(); }
};

} // namespace

OpenResult open_netlink(const BackendOptions&)
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
    return std::make_unique<NetlinkBackend>();
}

} // namespace socktally
