// SPDX-License-Identifier: MIT
// Finds the owner of each flow by the inode of its socket. Sorts the holders once, then makes a binary search for each
// flow. Copies nothing.
#include "traffic/attribution.hpp"

#include "util/number.hpp"

#include <algorithm>
#include <set>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace socktally {

namespace {

/// Orders holders by socket. Idle holders of a socket come last.
bool is_less(const Holder& a, const Holder& b)
{
    return std::tie(a.inode, a.idle, a.process) < std::tie(b.inode, b.idle, b.process);
}

bool is_same(const Holder& a, const Holder& b) { return a.inode == b.inode && a.process == b.process; }

/// Sorts the holders in place, and removes duplicates. No caller depends on their earlier order.
void sort_holders(std::vector<Holder>& holders)
{
    if (!std::is_sorted(holders.begin(), holders.end(), is_less)) {
        std::sort(holders.begin(), holders.end(), is_less);
    }
    holders.erase(std::unique(holders.begin(), holders.end(), is_same), holders.end());
}

std::span<const Holder> holders_of(Inode inode, const std::vector<Holder>& holders)
{
    if (inode == Inode{}) {
        return {};
    }
    const auto is_before = [](const Holder& holder, Inode wanted) { return holder.inode < wanted; };
    const auto first = std::lower_bound(holders.begin(), holders.end(), inode, is_before);
    const auto last = std::find_if(first, holders.end(), [inode](const Holder& h) { return h.inode != inode; });
    return {first, last};
}

} // namespace

std::span<const Holder> movers_of(Inode inode, const std::vector<Holder>& holders)
{
    const auto all = holders_of(inode, holders);
    return {all.begin(), std::find_if(all.begin(), all.end(), [](const Holder& h) { return h.idle; })};
}

namespace {

std::uint32_t youngest(std::span<const Holder> holders, const std::vector<Process>& processes)
{
    const auto is_older = [&](const Holder& a, const Holder& b) {
        const Process& left = processes[a.process];
        const Process& right = processes[b.process];
        return std::tie(a.current, left.start_time, left.pid) < std::tie(b.current, right.start_time, right.pid);
    };
    return std::max_element(holders.begin(), holders.end(), is_older)->process;
}

Cause why_unheld(const Flow& flow, const Viewer& viewer)
{
    if (viewer.denied && flow.uid && *flow.uid != viewer.uid) {
        return Cause::other_user;
    }
    if (flow.state == SocketState::time_wait) {
        return Cause::time_wait;
    }
    if (flow.state != SocketState::open) {
        return Cause::exited;
    }
    return flow.inode == Inode{} ? Cause::unaccepted : Cause::unknown;
}

Attribution attribution_of(const Flow& flow, const Sample& sample, const Viewer& viewer)
{
    const auto holders = movers_of(flow.inode, sample.holders);
    if (holders.empty()) {
        return {std::nullopt, why_unheld(flow, viewer), Quality::unknown};
    }
    if (holders.size() == 1) {
        return {holders.front().process, Cause::none, std::max(Quality::owner, flow.match)};
    }
    return {youngest(holders, sample.processes), Cause::none, Quality::shared};
}

Note shared_note(std::size_t sockets)
{
    return {NoteCode::shared_sockets,
            fmt::format("{} shared by several processes: the bytes are credited to the youngest",
                        plural(sockets, "socket is", "sockets are"))};
}

} // namespace

void attribute(Sample& sample, const Viewer& viewer)
{
    sort_holders(sample.holders);
    std::size_t shared = 0;
    bool denied = false;
    for (Flow& flow : sample.flows) {
        if (flow.attribution.process || flow.attribution.cause != Cause::none) {
            continue;
        }
        flow.attribution = attribution_of(flow, sample, viewer);
        const bool moved_bytes = flow.rx_bytes.value_or(0) != 0 || flow.tx_bytes.value_or(0) != 0;
        shared += flow.attribution.quality == Quality::shared && moved_bytes ? flow.sockets : 0;
        const Cause cause = flow.attribution.cause;
        denied = denied ||
                 (viewer.denied && (cause == Cause::other_user || cause == Cause::unknown) && flow.may_have_traffic());
    }
    if (shared != 0) {
        sample.notes.push_back(shared_note(shared));
    }
    if (denied) {
        Note note(NoteCode::owners_denied);
        note.remedy = privilege_remedy; // only this note tells an ordinary user that privileges would show more
        if (viewer.uid == Uid{}) {
            note = {NoteCode::owners_denied,
                    "cannot identify some processes: on this system, even root may not read which sockets they hold"};
        }
        sample.notes.push_back(std::move(note));
    }
}

void find_sharers(Sample& sample)
{
    // For each cookie, the processes that moved bytes through the socket, if the kernel reported them. A process is in
    // the set only once, although the socket may have thousands of flows, one for each peer.
    std::unordered_map<std::uint64_t, std::set<std::uint32_t>> movers;
    for (const Flow& flow : sample.flows) {
        if (flow.attribution.process && flow.attribution.quality == Quality::exact && flow.cookie != Cookie{}) {
            movers[flow.cookie.value].insert(*flow.attribution.process);
        }
    }
    const auto is_of_one_socket = [](const Holder& a, const Holder& b) { return a.inode == b.inode; };
    const auto& holders = sample.holders; // sorted by attribute()
    const bool has_sharers = std::adjacent_find(holders.begin(), holders.end(), is_of_one_socket) != holders.end();
    for (std::size_t i = 0; (has_sharers || !movers.empty()) && i < sample.flows.size(); ++i) {
        const Flow& flow = sample.flows[i];
        if (!flow.attribution.process) {
            continue;
        }
        std::vector<std::uint32_t> others;
        const auto add = [&](std::uint32_t process) {
            if (process != *flow.attribution.process) {
                others.push_back(process);
            }
        };
        for (const Holder& holder : holders_of(flow.inode, sample.holders)) {
            add(holder.process);
        }
        if (const auto found = movers.find(flow.cookie.value); found != movers.end()) {
            std::for_each(found->second.begin(), found->second.end(), add);
        }
        if (!others.empty()) {
            sample.sharers.emplace(i, std::move(others));
        }
    }
}

} // namespace socktally
