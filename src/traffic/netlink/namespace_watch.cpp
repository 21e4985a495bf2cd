// SPDX-License-Identifier: MIT
#include "traffic/netlink/namespace_watch.hpp"

#include "linux/privileges.hpp"

#include <linux/capability.h>
#include <time.h>

#include <algorithm>
#include <utility>

namespace socktally {

namespace {

std::chrono::nanoseconds kernel_tick()
{
    timespec tick{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    return std::chrono::seconds(tick.tv_sec) + std::chrono::nanoseconds(tick.tv_nsec);
}

} // namespace

NamespaceWatch::NamespaceWatch(Inode netns, Udp udp, SocketTable::Facts facts, Trace trace)
    : netns_(netns), what_of_udp_(udp), dumper_(trace), table_(facts)
{
    table_.reserve(dumper_.tcp_in_use().value_or(0));
}

void NamespaceWatch::listen() { faults_[Fault::not_listening] = events_.listen() ? 0 : 1; }

Dumper::Dumped NamespaceWatch::open()
{
    const auto add = [this](const Socket& socket) { return table_.at_start(socket); };
    counters_before_ = counters_.read();
    opens_ = counters_before_ ? counters_before_->tcp_opens : 0;
    known_since_ = Clock::now();
    list_udp();
    const auto dumped = dumper_.tcp([this] { table_.begin_dump(); }, add);
    faults_[Fault::disturbed] = dumped.outcome == Dumper::Outcome::disturbed ? 1 : 0;
    // A dump may skip a socket if another socket is closed meanwhile. A second dump shows the skipped sockets.
    if (drain(SocketTable::Phase::opening) > 0) {
        dumper_.tcp([this] { table_.begin_dump(); }, add);
    }
    return dumped;
}

void NamespaceWatch::begin()
{
    first_counters_ = counters_.read();
    if (first_counters_) {
        datagrams_before_ = first_counters_->udp_datagrams;
    }
    uncounted_.begin(Arrival::was_there);
}

void NamespaceWatch::begin_late()
{
    listen();
    open();
    settle(SocketTable::Phase::opening, [] {});
    begin();
    faults_[Fault::begun_late] = 1;
}

void NamespaceWatch::begin_new(Clock::time_point before)
{
    listen();
    known_since_ = before;
    counters_before_ = ProtocolCounters{};
    first_counters_ = ProtocolCounters{};
    datagrams_before_ = 0;
    uncounted_.begin(Arrival::is_new);
}

/// Begins the next window with the counters of the last one. Two checks compare how many connections the kernel has
/// opened with how many were listed. The last dump may list connections that were opened after its counters were read.
/// So that these cause no false alarm, the checks start from different counters: connections_missed_by_first_dump()
/// from those read before the last dump, connections_missed() from those read now.
void NamespaceWatch::next_window()
{
    const bool lost = !events_.is_listening() || events_.lost() != events_lost_before_;
    if (table_.next_window(lost || lost_lately_ ? SocketTable::Events::lost : SocketTable::Events::complete) > 0) {
        known_since_ = last_dump_;
    }
    udp_.next_window();
    uncounted_.next_window();
    lost_lately_ = lost;
    events_lost_before_ = events_lost_told_;
    garbled_before_ = dumper_.garbled();
    faults_ = {};
    faults_[Fault::not_listening] = events_.is_listening() ? 0 : 1;
    faults_[Fault::disturbed] = last_dump_disturbed_ ? 1 : 0;
    counters_before_ = last_counters_;
    datagrams_before_ = last_counters_ ? std::optional(last_counters_->udp_datagrams) : std::nullopt;
    first_counters_ = counters_.read();
    last_counters_.reset();
}

void NamespaceWatch::add_to(Snapshot& snapshot) const
{
    if (last_counters_) {
        snapshot.opens[netns_] = {last_counters_->tcp_opens, last_counters_->tcp_failures};
    }
    table_.add_to(snapshot, netns_);
}

bool NamespaceWatch::has_new_connections()
{
    const std::uint64_t opens = counters_.read_tcp_opens().value_or(opens_ + 1);
    return std::exchange(opens_, opens) != opens;
}

void NamespaceWatch::list()
{
    const auto outcome = dumper_.tcp_once([this](const Socket& socket) { table_.during(socket); });
    faults_[Fault::failed_lists] += outcome == Dumper::Outcome::refused ? 1 : 0;
}

std::vector<Inode> NamespaceWatch::still_open(const std::vector<Inode>& inodes)
{
    std::vector<Inode> open;
    if (inodes.empty()) {
        return open;
    }
    for (const Flow* flow : table_.live(inodes)) {
        const auto socket = dumper_.lookup(*flow);
        if (socket && socket->cookie == flow->cookie && socket->inode == flow->inode) {
            open.push_back(flow->inode);
        }
    }
    return open;
}

Dumper::Dumped NamespaceWatch::close(const std::function<void()>& meanwhile)
{
    last_counters_ = counters_.read();
    const auto dumped = dump_at_end(meanwhile);
    last_dump_ = dumped.begun;
    list_udp();
    uncounted_.end();
    return dumped;
}

bool NamespaceWatch::close_again(const std::function<void()>& meanwhile)
{
    const bool needed = connections_missed() > 0;
    if (needed) {
        dump_at_end(meanwhile);
    }
    return needed;
}

void NamespaceWatch::list_udp()
{
    if (what_of_udp_ == Udp::listed) {
        udp_.begin_dump();
        const bool is_listed = dumper_.udp([this](const Socket& socket) { udp_.add(socket); });
        faults_[Fault::udp_unlisted] = is_listed ? 0 : 1;
    }
}

Dumper::Dumped NamespaceWatch::dump_at_end(const std::function<void()>& meanwhile)
{
    constexpr std::size_t sockets_between = 1'000; // the kernel lists this many in one or two milliseconds
    std::size_t sockets = 0;
    const auto dumped = dumper_.tcp([this] { table_.begin_dump(); },
                                    [&](const Socket& socket) {
                                        if (sockets++ % sockets_between == 0) {
                                            meanwhile();
                                        }
                                        return table_.at_end(socket, age());
                                    });
    last_dump_disturbed_ = dumped.outcome == Dumper::Outcome::disturbed;
    faults_[Fault::disturbed] += last_dump_disturbed_ ? 1 : 0;
    return dumped;
}

std::size_t NamespaceWatch::drain(SocketTable::Phase phase, const Closed& closed)
{
    return events_.drain([&](const Socket& socket) {
        const Flow* flow = table_.destroyed(socket, phase, age());
        if (flow != nullptr && closed) {
            closed(*flow);
        }
    });
}

void NamespaceWatch::settle(SocketTable::Phase phase, const std::function<void()>& meanwhile)
{
    const bool settled =
        events_.settle([&](const Socket& socket) { table_.destroyed(socket, phase, age()); }, meanwhile);
    faults_[Fault::late_events] += settled ? 0 : 1;
}

std::size_t NamespaceWatch::find_missing()
{
    for (const Flow* flow : table_.missing()) {
        const auto socket = dumper_.lookup(*flow);
        if (socket && socket->cookie == flow->cookie) {
            table_.at_end(*socket, age());
        }
    }
    const std::size_t missing = table_.missing().size();
    faults_[Fault::disappeared] = missing;
    return missing;
}

bool NamespaceWatch::saw_traffic() const
{
    return table_.moved_bytes() || (!udp_.flows().empty() && !udp_silent()) || uncounted_.traffic().any();
}

void NamespaceWatch::add_listed(std::vector<Inode>& inodes) const
{
    table_.add_listed(inodes);
    const std::vector<Inode> udp = inodes_of(udp_.flows());
    inodes.insert(inodes.end(), udp.begin(), udp.end());
}

std::vector<Inode> NamespaceWatch::live_inodes() const
{
    std::vector<Inode> inodes = table_.live_inodes();
    for (const auto* flows : {&udp_.flows(), &uncounted_.flows()}) {
        const std::vector<Inode> more = inodes_of(*flows);
        inodes.insert(inodes.end(), more.begin(), more.end());
    }
    return inodes;
}

Faults NamespaceWatch::faults(bool totals_only)
{
    events_lost_told_ = events_.lost();
    faults_[has_capability(CAP_NET_ADMIN) ? Fault::events_lost : Fault::events_lost_small] =
        events_lost_told_ - events_lost_before_;
    faults_[Fault::garbled] = dumper_.garbled() - garbled_before_;
    faults_[Fault::resets] = table_.resets();
    faults_[Fault::late] = table_.late();
    faults_[Fault::missed] = connections_missed();
    faults_[Fault::missed_by_first_dump] = connections_missed_by_first_dump();
    faults_[Fault::without_counters] = table_.without_counters();
    const bool is_known = what_of_udp_ == Udp::left_out || (totals_only ? udp_.flows().empty() : udp_silent());
    faults_[totals_only ? Fault::udp_unknown_totals : Fault::udp_unknown] = is_known ? 0 : 1;
    return faults_;
}

void NamespaceWatch::hand_over(std::vector<Flow>& flows, Flows how)
{
    const auto first = static_cast<std::ptrdiff_t>(flows.size());
    if (how == Flows::copied) {
        flows.insert(flows.end(), table_.flows().begin(), table_.flows().end());
    } else if (flows.empty()) {
        flows = table_.take_flows();
    } else {
        const std::vector<Flow> own = table_.take_flows();
        flows.insert(flows.end(), own.begin(), own.end());
    }
    udp_.add_to(flows, udp_silent());
    flows.insert(flows.end(), uncounted_.flows().begin(), uncounted_.flows().end());
    std::for_each(flows.begin() + first, flows.end(), [this](Flow& flow) { flow.netns = netns_; });
}

/// Returns the time since known_since_, plus one jiffy. The kernel counts idle times in jiffies, and may report one
/// jiffy too many.
SocketTable::Age NamespaceWatch::age() const
{
    static const std::chrono::nanoseconds tick = kernel_tick(); // read once, not for each socket
    return std::chrono::ceil<SocketTable::Age>(Clock::now() - known_since_ + tick);
}

/// Returns whether no datagram was read or sent in the whole namespace in the window.
bool NamespaceWatch::udp_silent() const
{
    return datagrams_before_ && last_counters_ && *datagrams_before_ == last_counters_->udp_datagrams;
}

/// Returns the number of connections that the kernel has counted as opened in the window, but that no list, event or
/// dump has shown.
std::size_t NamespaceWatch::connections_missed() const
{
    if (!first_counters_ || !last_counters_) {
        return 0;
    }
    const OpenCounts before{first_counters_->tcp_opens, first_counters_->tcp_failures};
    OpenCounts after{last_counters_->tcp_opens, last_counters_->tcp_failures};
    return missed_connections(before, after, table_.opened() + table_.resets());
}

/// Returns by how much the connections that count as new exceed the connections that the kernel has opened. The excess
/// existed before the window, but the first dump missed it.
std::size_t NamespaceWatch::connections_missed_by_first_dump()
{
    const auto now = counters_.read();
    if (!counters_before_ || !now) {
        return 0;
    }
    const std::uint64_t opened = now->tcp_opens - counters_before_->tcp_opens;
    return table_.opened() > opened ? static_cast<std::size_t>(table_.opened() - opened) : 0;
}

} // namespace socktally
