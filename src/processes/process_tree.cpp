// SPDX-License-Identifier: MIT
#include "processes/process_tree.hpp"

#include "linux/clocks.hpp"
#include "linux/processes.hpp"

#include <unistd.h>

#include <algorithm>

namespace socktally {

ProcessTree::ProcessTree(Orphans orphans, const std::string& proc)
    : proc_(open_processes(proc)), orphans_(orphans), self_(::getpid())
{
}

std::optional<ProcessTree::Link> ProcessTree::read(std::int32_t pid)
{
    const auto stat = read_process_stat(proc_.get(), pid, buffer_);
    return stat ? std::optional(Link{static_cast<std::int32_t>(stat->parent), StartTime{stat->start_ticks}})
                : std::nullopt;
}

std::optional<unsigned> ProcessTree::add_root(Pid pid)
{
    const auto link = read(pid.value);
    if (!link) {
        return std::nullopt;
    }
    roots_.push_back({pid, link->start_time});
    if (orphans_ == Orphans::go_away) {
        if (pid.value != 1) { // if process 1 is a root, orphans that it adopts stay in its tree
            adopters_.insert(1);
        }
        for (auto above = link; above && above->parent != 0; above = read(above->parent)) {
            adopters_.insert(above->parent);
        }
    }
    seen_.clear();
    // The trees of all roots are determined again, because a root may descend from the one that was just added.
    std::map<std::int32_t, Seen> seen;
    for (const Root& root : roots_) {
        seen.emplace(root.pid.value, Seen{root.start_time, place(root.pid.value, root.start_time)});
    }
    seen_ = std::move(seen);
    return static_cast<unsigned>(roots_.size() - 1);
}

std::uint64_t ProcessTree::roots_at(std::int32_t pid, StartTime start_time) const
{
    std::uint64_t trees = 0;
    for (std::size_t i = 0; i < roots_.size(); ++i) {
        const bool is_it = roots_[i].pid.value == pid && roots_[i].start_time == start_time;
        trees |= is_it ? std::uint64_t{1} << i : 0;
    }
    return trees;
}

bool ProcessTree::is_older_than_roots(StartTime start_time) const
{
    return std::all_of(roots_.begin(), roots_.end(), [=](const Root& root) { return start_time < root.start_time; });
}

/// Adds the trees of the process and of its ancestors to `trees`. If a parent ends during the climb, a new process may
/// get its pid. The new process is younger than the child, so climb() can see that the chain has changed.
ProcessTree::Climb ProcessTree::climb(std::int32_t pid, StartTime start_time, std::uint64_t& trees)
{
    while (pid != 0 && !is_older_than_roots(start_time)) {
        trees |= roots_at(pid, start_time);
        const auto seen = seen_.find(pid);
        if (seen != seen_.end() && seen->second.start_time == start_time) {
            trees |= seen->second.trees.value_or(0);
            return seen->second.trees ? Climb::done : Climb::lost;
        }
        const auto link = read(pid);
        if (!link || link->start_time != start_time) {
            return Climb::changed;
        }
        if (orphans_ == Orphans::come_here && link->parent == self_) {
            trees |= 1;
            return Climb::done;
        }
        if (adopters_.contains(link->parent) && start_time >= begun_ && roots_at(pid, start_time) == 0) {
            return Climb::lost;
        }
        const auto parent = link->parent != 0 ? read(link->parent) : std::optional(Link{});
        if (!parent || parent->start_time > start_time) {
            return Climb::changed;
        }
        pid = link->parent;
        start_time = parent->start_time;
    }
    return Climb::done;
}

std::optional<std::uint64_t> ProcessTree::place(std::int32_t pid, StartTime start_time)
{
    constexpr int tries = 4;
    for (int i = 0; i < tries; ++i) {
        std::uint64_t trees = 0;
        const Climb result = climb(pid, start_time, trees);
        if (result != Climb::changed) {
            return result == Climb::done ? std::optional(trees) : std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> ProcessTree::trees_of(const Process& process)
{
    return place(process.pid.value, process.start_time);
}

void ProcessTree::look()
{
    constexpr std::chrono::milliseconds shortest_pause(20);
    // The pause after a search is 9 times as long as the search took. So searches take at most a tenth of the time.
    constexpr int rest = 9;
    const auto begun = Clock::now();
    const auto since_boot = static_cast<std::uint64_t>(time_since_boot().count());
    std::map<std::int32_t, Seen> seen;
    for (const std::int32_t pid : list_processes(proc_.get())) {
        if (const auto known = seen_.find(pid); known != seen_.end()) {
            seen.insert(*known);
            continue;
        }
        // The command of `run` has not been started yet, so no other process descends from it.
        if (is_new() && begun_ == not_yet) {
            seen.emplace(pid, Seen{StartTime{}, 0});
            continue;
        }
        const auto link = pid != self_ ? read(pid) : std::nullopt;
        if (!link) {
            continue;
        }
        seen.emplace(pid, Seen{link->start_time, place(pid, link->start_time)});
    }
    seen_ = std::move(seen);
    if (begun_ == not_yet) {
        begun_ = StartTime{start_ticks_of(since_boot, boot_clock_shift())};
    }
    for (const auto& [pid, trees] : members()) {
        see(pid.value);
    }
    const auto ended = Clock::now();
    next_look_ = ended + std::max<Clock::duration>(shortest_pause, rest * (ended - begun));
}

ProcessTree::Clock::time_point ProcessTree::look_if_due(Clock::time_point now)
{
    if (now >= next_look_) {
        look();
    }
    return next_look_;
}

/// Adds the user and the network namespace of a descendant to the sightings. Does so at each look(), because both may
/// change.
void ProcessTree::see(std::int32_t pid)
{
    if (const auto owner = user_of_process(proc_.get(), pid)) {
        sightings_.users.insert(Uid{*owner});
    }
    sightings_.leaves_netns = sightings_.leaves_netns || is_in_other_netns(proc_.get(), pid);
}

std::vector<std::pair<Pid, std::uint64_t>> ProcessTree::members() const
{
    std::vector<std::pair<Pid, std::uint64_t>> members;
    for (const auto& [pid, seen] : seen_) {
        if (seen.trees.value_or(0) != 0) {
            members.emplace_back(Pid{pid}, *seen.trees);
        }
    }
    return members;
}

} // namespace socktally
