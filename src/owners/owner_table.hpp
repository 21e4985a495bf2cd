// SPDX-License-Identifier: MIT
// Which processes were seen to hold which sockets in this window, and which held them at the end of the last one. Pure.
// OwnerScanner decides which processes are read, and when.
#pragma once

#include "model/flow.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace socktally {

class OwnerTable {
public:
    /// Returns the index of the process, by which it is known from then on.
    std::uint32_t add(const Process& process);
    std::vector<Process>& processes() { return processes_; }
    const Process& process(std::uint32_t index) const { return processes_[index]; }

    /// Adds a holder from the first scan. The table must be sorted after that scan, before it is queried.
    void add_first(Inode inode, std::uint32_t process) { first_.push_back({inode, process}); }
    void sort_first();
    /// Adds a holder that was found later.
    void add_later(Inode inode, std::uint32_t process);
    /// Marks a socket as open, but no longer held by its holder. It has no holder, earlier ones included, until
    /// found().
    void hand_on(Inode inode) { handed_on_.insert(inode.value); }
    void found(Inode inode) { handed_on_.erase(inode.value); }
    /// Forgets a closed socket, which is not searched for again.
    void forget(Inode inode);

    bool held(Inode inode) const;
    /// Returns the `inodes` that no process was seen to hold in this window. Fast for many at once.
    std::vector<Inode> unheld(std::vector<Inode> inodes) const;
    /// Returns all processes that were seen to hold the socket in this window, or at the end of the last one.
    std::vector<std::uint32_t> holders_of(Inode inode) const;
    /// Returns processes that share a socket with others; some are repeated.
    std::vector<std::uint32_t> sharers() const;
    /// Removes the holders that these sockets had at the end of the last window.
    void disown(std::vector<Inode> inodes);

    /// Returns all holders, sorted by inode.
    std::vector<Holder> all() const { return with_others(first_); }
    std::vector<Holder> take() { return with_others(std::move(first_)); }

    /// Begins the next window with the current holders. A holder that no longer has its socket may have closed it after
    /// the last window ended, so it is kept for one window: bytes moved in between belong to that window. Forgets all
    /// other processes. Returns the new index of each process; null if it was forgotten.
    std::vector<std::optional<std::uint32_t>> next_window(std::vector<Holder> held);

private:
    std::vector<Holder> with_others(std::vector<Holder> holders) const;
    bool is_handed_on(Inode inode) const { return handed_on_.contains(inode.value); }

    std::vector<Process> processes_;
    std::vector<Holder> first_;                                   // sorted by inode
    std::unordered_multimap<std::uint64_t, std::uint32_t> later_; // inode to process
    std::vector<Holder> former_;                                  // ended since the last window; sorted by inode
    std::unordered_set<std::uint64_t> handed_on_;
};

} // namespace socktally
