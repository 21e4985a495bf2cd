// SPDX-License-Identifier: MIT
// Finds which processes descend from a root. A root is a process that --tree names, or the command of `run`. A root and
// its descendants are a tree. Each tree has a bit.
//
// The ebpf backend watches forks in the kernel, so it knows the trees of every process (traffic/ebpf/descendants.h).
// Other backends find the trees of a process when the search for owners finds the process. They follow its chain of
// parents in /proc, which exists only while the process lives:
//
// - A process that started before a root does not descend from it.
// - For `run`, socktally adopts orphans (PR_SET_CHILD_SUBREAPER). So the chain of every living descendant leads to the
//   command or to socktally.
// - For --tree, orphans are adopted by an ancestor of the root or by process 1. So look() is called every few tens of
//   milliseconds, and remembers the descendants while their parents live. If a process started in the window, and its
//   parent may have adopted it, the trees of the process stay unknown.
#pragma once

#include "linux/fd.hpp"
#include "linux/proc.hpp"
#include "model/sample.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace socktally {

class ProcessTree {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t most_roots = 64;
    enum class Orphans : std::uint8_t {
        come_here, // socktally adopts orphans of the root, for `run`
        go_away,
    };

    /// `proc` is the path of /proc, which tests replace. Throws if this directory cannot be opened.
    explicit ProcessTree(Orphans orphans, const std::string& proc = "/proc");

    /// Adds a root. At most `most_roots` may be added. Returns the number of its bit in Process::trees; null if there
    /// is no such process.
    std::optional<unsigned> add_root(Pid pid);
    bool is_empty() const { return roots_.empty(); }

    /// Searches for new descendants of the roots. The first call begins the window.
    void look();
    /// Calls look() if it is due. Returns when it is due next.
    Clock::time_point look_if_due(Clock::time_point now);

    /// Returns the trees of a process, one bit for each (Process::trees). Returns null if they are not known, for
    /// example because the process ended before look() saw it.
    std::optional<std::uint64_t> trees_of(const Process& process);
    /// Returns the processes that belong to at least one tree, roots included, and were alive at the last look(). The
    /// number beside a pid has one bit for each tree of the process (Process::trees).
    std::vector<std::pair<Pid, std::uint64_t>> members() const;
    /// Returns the facts about descendants that look() has collected.
    const TreeSightings& sightings() const { return sightings_; }
    /// Returns whether the root is the command of `run`. This command has no descendants before the window begins.
    bool is_new() const { return orphans_ == Orphans::come_here; }

private:
    struct Seen {
        StartTime start_time;
        std::optional<std::uint64_t> trees;
    };
    struct Root {
        Pid pid;
        StartTime start_time;
    };
    struct Link {
        std::int32_t parent = 0;
        StartTime start_time;
    };
    std::optional<Link> read(std::int32_t pid);
    std::uint64_t roots_at(std::int32_t pid, StartTime start_time) const;
    bool is_older_than_roots(StartTime start_time) const;
    enum class Climb : std::uint8_t { done, lost, changed };
    Climb climb(std::int32_t pid, StartTime start_time, std::uint64_t& trees);
    std::optional<std::uint64_t> place(std::int32_t pid, StartTime start_time);
    void see(std::int32_t pid);

    Fd proc_;
    Orphans orphans_;
    std::int32_t self_;
    std::vector<Root> roots_;
    std::set<std::int32_t> adopters_; // pids of processes that may adopt orphans of a root, for --tree
    std::map<std::int32_t, Seen> seen_;
    TreeSightings sightings_;
    static constexpr StartTime not_yet{std::numeric_limits<std::uint64_t>::max()};
    StartTime begun_ = not_yet; // the time at which the window began
    Clock::time_point next_look_{};
    std::string buffer_;
};

/// Calls tree->look_if_due(). Returns when look() is due next; time_point::max() if `tree` is null.
inline ProcessTree::Clock::time_point look(ProcessTree* tree, ProcessTree::Clock::time_point now)
{
    return tree != nullptr ? tree->look_if_due(now) : ProcessTree::Clock::time_point::max();
}

} // namespace socktally
