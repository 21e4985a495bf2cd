// SPDX-License-Identifier: MIT
// Records which processes were seen to hold which sockets in this window and in the last one. Pure: OwnerScanner
// decides which processes are read, and when.
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
    /// Adds a process. Returns its index, by which the other functions refer to the process.
    std::uint32_t add(const Process& process);
    std::vector<Process>& processes() { return processes_; }
    const Process& process(std::uint32_t index) const { return processes_[index]; }

    /// Adds a holder that the first scan has found. Call sort_first() after this scan, before any query.
    void add_first(Inode inode, std::uint32_t process) { first_.push_back({inode, process}); }
    void sort_first();
    /// Adds a holder that was found after the first scan.
    void add_later(Inode inode, std::uint32_t process);
    /// Marks a socket as handed over by its known holders. Until found() is called, no process counts as its holder.
    void hand_on(Inode inode) { handed_on_.insert(inode.value); }
    void found(Inode inode) { handed_on_.erase(inode.value); }
    /// Forgets a socket. Call it only for a closed socket that no later search will be asked for.
    void forget(Inode inode);

    bool held(Inode inode) const;
    /// Returns the sockets in `inodes` that no process was seen to hold in this window. Faster than held() for many
    /// sockets.
    std::vector<Inode> unheld(std::vector<Inode> inodes) const;
    /// Returns all processes that were seen to hold the socket in this window or in the last one.
    std::vector<std::uint32_t> holders_of(Inode inode) const;
    /// Returns all processes that share a socket with another process. May return a process several times.
    std::vector<std::uint32_t> sharers() const;
    /// Removes the holders that had these sockets in the last window, but not in this one.
    void disown(std::vector<Inode> inodes);

    /// Returns all holders, sorted by inode.
    std::vector<Holder> all() const { return with_others(first_); }
    std::vector<Holder> take() { return with_others(std::move(first_)); }

    /// Begins the next window. `held` has the holders of all sockets now. Keeps the other holders of the last window
    /// for one more window: such a process may have closed its socket after the last window ended, and the bytes that
    /// it moved before it closed the socket belong to the new window. Forgets all other processes. Returns the new
    /// index of each process; null for a process that was forgotten.
    std::vector<std::optional<std::uint32_t>> next_window(std::vector<Holder> held);

private:
    std::vector<Holder> with_others(std::vector<Holder> holders) const;
    bool is_handed_on(Inode inode) const { return handed_on_.contains(inode.value); }

    std::vector<Process> processes_;
    std::vector<Holder> first_;                                   // sorted by inode
    std::unordered_multimap<std::uint64_t, std::uint32_t> later_; // inode to process
    std::vector<Holder> former_; // holders in the last window that no longer hold their socket, sorted by inode
    std::unordered_set<std::uint64_t> handed_on_;
};

} // namespace socktally
