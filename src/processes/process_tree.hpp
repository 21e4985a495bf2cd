// SPDX-License-Identifier: MIT
// Finds which processes descend from those that --tree names, or from the command of run. These are the roots; each has
// a bit.
//
// On ebpf the kernel's forks are watched, so every process is known (traffic/ebpf/descendants.h). On other backends the
// trees of a process are found by its chain of parents in /proc, while it lives, when the search for owners finds the
// process:
//
// - A process that started before a root does not descend from it.
// - Below run, this process adopts orphans (PR_SET_CHILD_SUBREAPER). So the chain of every living descendant leads to
//   the command or to this process, and decides.
// - Below --tree, an ancestor of the root or process 1 adopts orphans. So look() is called every few milliseconds, and
//   remembers which processes were descendants while their parents lived. If a process was started in the window, and
//   its first known parent may have adopted it, its trees stay unknown.
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
        come_here, // to this process
        go_away,
    };

    /// `proc` is the path of /proc, which tests replace. Throws if it cannot be opened.
    explicit ProcessTree(Orphans orphans, const std::string& proc = "/proc");

    /// Adds a root, of which there may be `most_roots`. Returns the number of its bit; null if there is no such
    /// process.
    std::optional<unsigned> add_root(Pid pid);
    bool is_empty() const { return roots_.empty(); }

    /// Searches for new descendants. The first call begins the window.
    void look();
    /// Calls look() if it is due. Returns when it is due next.
    Clock::time_point look_if_due(Clock::time_point now);

    /// Returns the trees of a process that lives, or that look() has seen; null if they are not known.
    std::optional<std::uint64_t> trees_of(const Process& process);
    /// Returns the descendants that lived at the last look(), including roots, with their trees.
    std::vector<std::pair<Pid, std::uint64_t>> members() const;
    /// Returns what look() has seen of the descendants.
    const TreeSightings& sightings() const { return sightings_; }
    /// Returns whether the root has not run yet, so that it has no descendants.
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
    std::set<std::int32_t> adopters_; // pids that may adopt orphans of a root
    std::map<std::int32_t, Seen> seen_;
    TreeSightings sightings_;
    static constexpr StartTime not_yet{std::numeric_limits<std::uint64_t>::max()};
    StartTime begun_ = not_yet; // start of the window
    Clock::time_point next_look_{};
    std::string buffer_;
};

/// Calls look() if it is due. Returns when it is due next; time_point::max() if there is no tree.
inline ProcessTree::Clock::time_point look(ProcessTree* tree, ProcessTree::Clock::time_point now)
{
    return tree != nullptr ? tree->look_if_due(now) : ProcessTree::Clock::time_point::max();
}

} // namespace socktally
