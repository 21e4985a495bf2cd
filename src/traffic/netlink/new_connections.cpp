// SPDX-License-Identifier: MIT
#include "traffic/netlink/new_connections.hpp"

#include "linux/interrupt.hpp"
#include "processes/process_tree.hpp"
#include "util/sum.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace socktally {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds tick_interval = 10ms;
constexpr std::size_t idle_namespaces_a_tick = 32;
constexpr auto busy_time = 1s;
constexpr auto progress_interval = 250ms;

} // namespace

ClosedFlows::Key ClosedFlows::key_of(const Flow& flow, Inode netns, const OwnerScanner& owners) const
{
    Key key;
    if (!owners.is_doubtful(flow)) {
        key.processes = owners.holders_of(flow.inode);
        std::sort(key.processes.begin(), key.processes.end());
    }
    if (key.processes.empty()) {
        key.uid = flow.uid;
        key.cgroup_id = flow.cgroup_id;
    }
    key.netns = netns;
    key.is_silent = !flow.may_have_traffic();
    if (by_ == Sums::by_peer) {
        key.tuple = flow.tuple;
        key.accepted = flow.accepted;
        key.interface = flow.interface;
        (flow.accepted ? key.tuple.remote : key.tuple.local).port = 0;
    } else if (by_ == Sums::by_service && flow.accepted && key.processes.empty()) {
        key.tuple = {flow.tuple.protocol, flow.tuple.local, {}};
        key.accepted = true;
    }
    return key;
}

bool ClosedFlows::add(const Flow& flow, Inode netns, const OwnerScanner& owners)
{
    const auto [entry, is_new] = sums_.try_emplace(key_of(flow, netns, owners));
    const Key& key = entry->first;
    Flow& sum = entry->second;
    const bool has_several_owners = key.processes.size() > 1;
    if (is_new) {
        sum.state = SocketState::closed;
        sum.uid = flow.uid;
        sum.cgroup_id = flow.cgroup_id;
        sum.netns = netns;
        sum.tuple = key.tuple;
        sum.accepted = key.accepted;
        sum.interface = key.interface;
        sum.sockets = 0;
        sum.has_tuple = by_ == Sums::by_peer;
        sum.rx_bytes = 0;
        sum.tx_bytes = 0;
        if (has_several_owners) {
            sum.inode = flow.inode;
        } else if (!key.processes.empty()) {
            sum.attribution = {key.processes.front(), Cause::none, Quality::owner};
        }
    }
    socktally::add(sum.rx_bytes, flow.rx_bytes);
    socktally::add(sum.tx_bytes, flow.tx_bytes);
    ++sum.sockets;
    return is_new && has_several_owners;
}

void ClosedFlows::move_to(std::vector<Flow>& flows)
{
    for (auto& [key, sum] : sums_) {
        flows.push_back(sum);
    }
    sums_.clear();
}

void NewConnectionWatcher::set_namespaces(const NamespaceWatches& watches)
{
    std::vector<Watched> next;
    for (const auto& watch : watches) {
        const auto known = std::find_if(watched_.begin(), watched_.end(),
                                        [&](const Watched& watched) { return watched.watch == watch.get(); });
        Watched& watched = next.emplace_back(known != watched_.end() ? *known : Watched{watch.get()});
        watched.unresolved = watched.unresolved || is_unresolved(watched);
    }
    watched_ = std::move(next);
}

void NewConnectionWatcher::watch(Clock::time_point end, const SampleRequest& request,
                                 const std::function<void()>& now_and_then)
{
    const auto begun = Clock::now();
    auto next_progress = begun;
    next_tick_ = begun;
    const int fd = watched_.front().watch->fd_to_watch();
    for (auto now = begun; now < end && !request.interrupt->ends_window(); now = Clock::now()) {
        if (now >= next_progress) {
            request.tell(now - begun);
            now_and_then();
            datagrams_.retire_idle(now);
            next_progress = now + progress_interval;
        }
        if (now >= next_tick_) {
            tick(now);
        } else {
            drain_all(); // a small buffer of destroy events may be full before the next tick
        }
        take_datagrams(now);
        auto next = datagrams_.is_empty() ? next_tick_ : std::min(next_tick_, Clock::now() + tick_interval);
        next = std::min(next, look(request.tree, now));
        request.interrupt->wait_until(std::min(end, next), fd);
    }
}

void NewConnectionWatcher::drain(Watched& watched)
{
    watched.watch->drain(SocketTable::Phase::open, [&](const Flow& flow) {
        const Inode inode = flow.inode;
        owners_.closed(inode);
        if (closed_) {
            if (!closed_->add(flow, watched.watch->netns(), owners_)) {
                owners_.forget(inode);
            }
            watched.watch->forget(flow.cookie);
        }
    });
}

void NewConnectionWatcher::drain_all()
{
    for (Watched& watched : watched_) {
        drain(watched);
    }
}

/// Reads the captured datagrams. Called between ticks too, because the next tick is delayed if a tick was costly, and
/// the ring of the capture has room for only a few ticks.
void NewConnectionWatcher::take_datagrams(Clock::time_point now)
{
    datagrams_.drain();
    const auto due = datagrams_.next_search();
    if (due && now >= *due) {
        datagrams_.search(now);
    }
}

void NewConnectionWatcher::check_for_connections(Clock::time_point now)
{
    const auto check = [now](Watched& watched) {
        if (watched.watch->has_new_connections()) {
            watched.unresolved = true;
            watched.pace.hurry();
            watched.busy_until = now + busy_time;
        }
    };
    for (Watched& watched : watched_) {
        if (now < watched.busy_until) {
            check(watched);
        }
    }
    for (std::size_t i = 0; i < std::min(idle_namespaces_a_tick, watched_.size()); ++i) {
        Watched& watched = watched_[next_idle_++ % watched_.size()];
        if (now >= watched.busy_until) {
            check(watched);
        }
    }
}

void NewConnectionWatcher::tick(Clock::time_point now)
{
    const SearchCost cost;
    drain_all();
    search_again(owners_.confirm(now));
    check_for_connections(now);
    next_tick_ = now + std::max(tick_interval, (SearchCost::rest_share + 1) * cost.used());
    if (now >= rested_) {
        search(now);
    }
    trace_owners(); // after the costs were measured, so that tracing does not lengthen the pause
    datagrams_.trace_owners();
}

/// Lists the sockets again if some of `inodes` are in no table. A connection that waits for accept(2) is listed without
/// an inode. If it was accepted after the last list, the table does not show which inode it has. Without a new list it
/// would count as closed, although a process was seen to hold it.
void NewConnectionWatcher::show_accepted(const std::vector<Inode>& inodes)
{
    std::size_t known = 0;
    for (const Watched& watched : watched_) {
        known += watched.watch->table().live(inodes).size();
    }
    for (Watched& watched : watched_) {
        if (known < inodes.size() && watched.watch->table().has_unaccepted()) {
            watched.watch->list();
        }
    }
}

/// Handles sockets that their known owners no longer have. If a socket is still open, it was handed over to another
/// process. That process is searched for soon, because it may end before long.
void NewConnectionWatcher::search_again(const std::vector<Inode>& missed)
{
    if (missed.empty()) {
        return;
    }
    for (const Inode inode : missed) {
        owners_.trace()("missed: socket:[{}] is not where it was", inode.value);
    }
    datagrams_.search_again(missed);
    show_accepted(missed);
    missed_.add(missed, Clock::now());
    for (Watched& watched : watched_) {
        hand_on(watched);
    }
}

/// Marks missed sockets that are still open as handed over.
void NewConnectionWatcher::hand_on(Watched& watched)
{
    for (const Inode inode : watched.watch->still_open(missed_.waiting(Clock::now()))) {
        owners_.handed_on(inode);
        missed_.forget(inode);
        watched.unresolved = true;
        watched.pace.hurry();
    }
}

/// Lists the sockets of each namespace in which owners may be missing, and searches for these owners. Lists a namespace
/// ever less often as long as no connection is opened in it.
void NewConnectionWatcher::search(Clock::time_point now)
{
    const SearchCost cost;
    std::vector<Inode> sockets;
    std::vector<Watched*> listed;
    for (Watched& watched : watched_) {
        if (!watched.unresolved || now < watched.pace.next()) {
            continue;
        }
        const std::size_t opened = watched.watch->table().opened();
        watched.watch->list();
        hand_on(watched);
        owners_.identify_groups(watched.watch->table().flows());
        drain(watched);
        watched.pace.last = now;
        if (watched.watch->table().opened() != opened) {
            watched.pace.hurry();
        } else {
            watched.pace.slow_down();
        }
        const std::vector<Inode> found = owners_.worth_searching(watched.watch->table().live_inodes());
        sockets.insert(sockets.end(), found.begin(), found.end());
        listed.push_back(&watched);
    }
    if (listed.empty()) {
        return;
    }
    owners_.search(sockets, OwnerScanner::Reach::likely, Clock::now() + longest_search);
    for (Watched* watched : listed) {
        watched->unresolved = is_unresolved(*watched);
    }
    rested_ = cost.rested();
}

void NewConnectionWatcher::trace_owners() const
{
    if (!owners_.trace()) {
        return;
    }
    for (const Watched& watched : watched_) {
        for (const auto* flows : {&watched.watch->table().flows(), &watched.watch->udp_flows()}) {
            for (const Flow& flow : *flows) {
                owners_.trace_owners(flow.cookie, flow.inode);
            }
        }
    }
}

/// Returns whether sockets of the namespace may lack an owner, for example because they were opened between the scan
/// and the first dump.
bool NewConnectionWatcher::is_unresolved(const Watched& watched) const
{
    return watched.watch->table().has_unaccepted() ||
           !owners_.worth_searching(watched.watch->table().live_inodes()).empty();
}

} // namespace socktally
