// SPDX-License-Identifier: MIT
// Which processes were seen to hold which sockets in this window, and which held them when the last one ended. Pure:
// which process is read, and when, is up to OwnerScanner.
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
    /// Its index, by which it is known from here on.
    std::uint32_t add(const Process& process);
    std::vector<Process>& processes() { return processes_; }
    const Process& process(std::uint32_t index) const { return processes_[index]; }

    /// Adds a holder from the first scan. The table must be sorted after that scan, before it is queried.
    void add_first(Inode inode, std::uint32_t process) { first_.push_back({inode, process}); }
    void sort_first();
    /// Adds a holder that was found later.
    void add_later(Inode inode, std::uint32_t process);
    /// The socket is open, but its holder has it no more: until `found` again it has no holder, earlier ones included.
    void hand_on(Inode inode) { handed_on_.insert(inode.value); }
    void found(Inode inode) { handed_on_.erase(inode.value); }
    /// Forgets a closed socket, which is not searched for again.
    void forget(Inode inode);

    bool held(Inode inode) const;
    /// Returns the `inodes` that no process was seen to hold in this window. Fast for many at once.
    std::vector<Inode> unheld(std::vector<Inode> inodes) const;
    /// All processes that were seen to hold it, in this window or at the end of the last one.
    std::vector<std::uint32_t> holders_of(Inode inode) const;
    /// Processes that hold a socket together with others; some more than once.
    std::vector<std::uint32_t> sharers() const;
    /// Who held these sockets when the last window ended has nothing more to do with them.
    void disown(std::vector<Inode> inodes);

    /// Returns all holders, sorted by inode.
    std::vector<Holder> all() const { return with_others(first_); }
    std::vector<Holder> take() { return with_others(std::move(first_)); }

    /// Goes on with what is held now. A hold that is over may have ended after the last window did: what its socket
    /// moved in between is part of the next one, so it is kept for that one, and no longer. Forgets the other
    /// processes; the result is the new index of each that is left.
    std::vector<std::optional<std::uint32_t>> next_window(std::vector<Holder> held);

private:
    std::vector<Holder> with_others(std::vector<Holder> holders) const;
    bool is_handed_on(Inode inode) const { return handed_on_.contains(inode.value); }

    std::vector<Process> processes_;
    std::vector<Holder> first_;                                   // sorted by inode
    std::unordered_multimap<std::uint64_t, std::uint32_t> later_; // inode to process
    std::vector<Holder> former_;                                  // of the last window, and over; sorted by inode
    std::unordered_set<std::uint64_t> handed_on_;
};

} // namespace socktally
